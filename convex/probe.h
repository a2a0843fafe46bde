/* SPDX-License-Identifier: MIT */
/* Asks Convex for a sign of life, without calling a function. Blocks: for `convex-relay check`. */
#pragma once

#include "base/buf.h"
#include "convex/transport.h"

enum { PROBE_FAILED = 1 };

/*
 * POST <CONVEX_URL>/api/query_ts with the deploy key where there is one. 0: Convex answered as
 * Convex does; PROBE_FAILED: *why says what was met and what to mend; or an -errno.
 * options->timeout_ms is the limit. The caller owns *why.
 */
int probe_run(const struct transport_options *options, struct buf *why);
