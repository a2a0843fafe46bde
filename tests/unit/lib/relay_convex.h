/* SPDX-License-Identifier: MIT */
/*
 * Convex, as a relay in a test's hands meets it: a transport that tells a world what was sent, and
 * answers what the world's functions say, when they say.
 *
 * A call of a batch function (its name holds "Batch") is answered as the examples' functions would:
 * world->convex is asked for each event as if it had come singly, and what it says becomes the
 * event's entry. An answer that is no envelope (a lost connection, a 503) is that of the whole
 * call. world->batch, if it is set, decides instead.
 */
#pragma once

#include "convex/transport.h"
#include "tests/unit/lib/relay_world.h"

/* What the batch function answers where world->batch is not set. */
struct world_answer relay_convex_loop(struct world *world, struct world_call *call);

extern const struct transport_ops relay_convex_ops;
