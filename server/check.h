/* SPDX-License-Identifier: MIT */
/* `convex-relay check`: would it serve, and is Convex there? Nothing is made or changed. */
#pragma once

struct setup;

/* The exit code: EXIT_FINE and a line on stdout, or EXIT_FAILED and one on stderr that says what to
 * mend. */
int check_run(struct setup *setup);
