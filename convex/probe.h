/* SPDX-License-Identifier: MIT */
/* Asks Convex whether it is there and takes the deploy key, and runs nothing. Blocks: for
 * `convex-relay check`. */
#pragma once

#include "base/buf.h"
#include "convex/transport.h"

enum { PROBE_FAILED = 1 };

/*
 * POST <CONVEX_URL>/api/query with the deploy key where there is one. 0: Convex answered as Convex
 * does, and takes the key; PROBE_FAILED: *why says what was met and what to mend; or an -errno.
 * options->timeout_ms is the limit. The caller owns *why.
 */
int probe_run(const struct transport_options *options, struct buf *why);
