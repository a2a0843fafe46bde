/* SPDX-License-Identifier: MIT */
/*
 * The call of `convex-relay check`: asks whether Convex is there and takes the deploy key, and runs
 * no function. Blocks. The probe of a gate (relay/gate.h) is another thing: an event's attempt.
 */
#pragma once

#include "base/buf.h"
#include "convex/transport.h"

enum { PROBE_FAILED = 1 };

/* What the answer says of Convex's clock. */
struct probe_date {
    int64_t date_ms;            /* since 1970; -1: the answer has no Date */
    int64_t began_ms, ended_ms; /* mono; of the call */
};

/*
 * POST <CONVEX_URL>/api/query with the deploy key where there is one, within options->timeout_ms;
 * path and concurrency of the options do not matter. *date: of the answer, if one has come. 0:
 * Convex answered as Convex does, and takes the key; PROBE_FAILED: *why says what was met and what
 * to mend; or an -errno. The caller owns *why, and must ignore SIGPIPE.
 */
int probe_run(const struct transport_options *options, struct probe_date *date, struct buf *why);
