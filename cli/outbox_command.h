/* SPDX-License-Identifier: MIT */
/*
 * `convex-relay outbox …`: shows what is not delivered, and decides about dead letters. A relay may
 * be running or not. The only setting that is read is OUTBOX.
 */
#pragma once

#include "cli/outbox_console.h"

/* Runs the command that stands behind the word outbox. Returns the exit code. */
int outbox_command(int argc, char *const *argv);

/* The same with a console of the caller's. */
int outbox_command_run(struct outbox_console *console, int argc, char *const *argv);
