/* SPDX-License-Identifier: MIT */
/*
 * `convex-relay outbox …`: looking at what is not delivered, and deciding about dead letters. It
 * works beside a running server and without one, and needs OUTBOX alone.
 */
#pragma once

#include "cli/outbox_console.h"

/* argv: what stands behind the word outbox. The exit code. */
int outbox_command(int argc, char *const *argv);

/* The same in a world of the caller's. */
int outbox_command_run(struct outbox_console *console, int argc, char *const *argv);
