/* SPDX-License-Identifier: MIT */
/* Asks whether Convex is there and takes the deploy key, and runs nothing. Blocks: for
 * `convex-relay check`. */
#pragma once

#include "base/buf.h"
#include "convex/transport.h"

enum { PROBE_FAILED = 1 };

/*
 * POST <CONVEX_URL>/api/query with the deploy key where there is one, within options->timeout_ms;
 * path and concurrency of the options do not matter. 0: Convex answered as Convex does, and takes
 * the key; PROBE_FAILED: *why says what was met and what to mend; or an -errno. The caller owns
 * *why, and ignores SIGPIPE.
 */
int probe_run(const struct transport_options *options, struct buf *why);
