/* SPDX-License-Identifier: MIT */
/* The life of a serving relay: start, signals, stop. */
#pragma once

struct setup;

enum {
    SERVE_REFUSED = 1, /* a setting leads to what a person has to mend */
    SERVE_PREVENTED,   /* something is in the way, and may not be for long */
};

/*
 * Serves until SIGTERM or SIGINT, and leaves nothing open. 0: a clean stop. SERVE_REFUSED,
 * SERVE_PREVENTED: the reason is on stderr. Or an -errno. SIGHUP changes what *setup holds.
 */
int serve(struct setup *setup);
