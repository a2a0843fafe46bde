/* SPDX-License-Identifier: MIT */
/*
 * Convex, as a relay in a test's hands meets it: a transport that tells a world what was sent, and
 * answers what and when the world's functions say.
 *
 * A call of a batch function (its name holds "Batch") is answered as the examples' functions would:
 * world->convex is asked for each event as for a single one, and the answer becomes the event's
 * entry. An answer that is no envelope (a lost connection, a 503) answers the whole call. If
 * world->batch is set, that function decides instead.
 */
#pragma once

#include "convex/transport.h"
#include "tests/unit/lib/relay_world.h"

/* What the batch function answers where world->batch is not set. */
struct world_answer relay_convex_loop(struct world *world, struct world_call *call);

extern const struct transport_ops relay_convex_ops;
