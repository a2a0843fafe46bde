/* SPDX-License-Identifier: MIT */
/* The ids of events. While the clock is set back, stands still or is out of range, ids just count
 * on. */
#include "outbox/outbox_ids.h"

void outbox_ids_init(struct outbox_ids *ids, uint64_t mark)
{
    ids->last = mark < OUTBOX_IDS_FROM ? OUTBOX_IDS_FROM - 1 : mark;
}

uint64_t outbox_ids_next(struct outbox_ids *ids, int64_t wall_ms)
{
    bool in_range = wall_ms > 0 && (uint64_t)wall_ms < OUTBOX_IDS_END / 1000;
    uint64_t now = in_range ? (uint64_t)wall_ms * 1000 : 0;

    ids->last = now > ids->last ? now : ids->last + 1;
    return ids->last;
}

uint64_t outbox_ids_mark(uint64_t last)
{
    return last + OUTBOX_IDS_AHEAD;
}
