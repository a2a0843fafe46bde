/* SPDX-License-Identifier: MIT */
/* The life of a serving relay, from start to end. */
#pragma once

struct setup;

enum {
    SERVE_REFUSED = 1, /* a setting leads to what a person has to mend */
    SERVE_PREVENTED,   /* something is in the way that may be gone at the next start */
};

/*
 * Serves until SIGTERM or SIGINT, and leaves nothing open. 0: a clean stop. SERVE_REFUSED,
 * SERVE_PREVENTED: the reason is on stderr. Or an -errno. A SIGHUP changes what *setup holds.
 */
int serve(struct setup *setup);
