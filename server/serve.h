/* SPDX-License-Identifier: MIT */
/* The life of a serving relay: start, signals, stop. */
#pragma once

struct setup;

enum { SERVE_REFUSED = 1 };

/*
 * Serves until SIGTERM or SIGINT, and leaves nothing open. 0: a clean stop. SERVE_REFUSED:
 * the reason is on stderr. Or an -errno. SIGHUP changes what *setup holds.
 */
int serve(struct setup *setup);
