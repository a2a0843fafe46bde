/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/seen_world.h"

struct seen seen;

static void note_seen(const struct world_call *call)
{
    for (int i = 0; i < call->count && !fault_store_has_crashed(&call->world->disk); i++) {
        assert_true(seen.len < SEEN_MAX);
        seen.items[seen.len++] = call->items[i];
    }
}

struct world *begin_seen(const struct world_options *options, world_convex_fn convex)
{
    struct world *world = begin(options, convex);

    seen.len = 0;
    world->saw = note_seen;
    world_run(world, 100); /* the answer to the first probe has no Date */
    return world;
}

void assert_rising(int records)
{
    uint64_t last[WORLD_ITEMS_MAX] = {0};

    for (int i = 0; i < seen.len; i++) {
        const struct world_item *item = &seen.items[i];
        assert_true(item->record < records);
        assert_true(item->sequence > last[item->record]);
        last[item->record] = item->sequence;
    }
}
