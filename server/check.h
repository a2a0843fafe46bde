/* SPDX-License-Identifier: MIT */
/* `convex-relay check`: whether the relay could start, and whether Convex answers. */
#pragma once

struct setup;

/*
 * Checks all that a start needs, without making or changing anything. Returns the exit code:
 * EXIT_FINE and a line on stdout, or EXIT_FAILED and a line on stderr that says what to mend.
 */
int check_run(struct setup *setup);
