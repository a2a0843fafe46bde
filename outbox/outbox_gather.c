/* SPDX-License-Identifier: MIT */
/*
 * A commit costs the server as much as dozens of rows do, and nobody but a sender is in a hurry.
 *
 * So an append waits the longer the more of them come: where a millisecond has one or two, not at
 * all, and the longest where a millisecond has many. A settlement always waits a little, and goes
 * with the next append: a lone sender then costs one commit an event, and not two.
 */
#include "outbox/outbox_gather.h"

enum {
    GATHER_APPEND_MAX_MS = 3,  /* between two flushes */
    GATHER_APPENDS_PER_MS = 3, /* that come, for each millisecond between two flushes */
    GATHER_SETTLE_MS = 5,
    GATHER_COUNT_MS = 16, /* of appends, at least */
};

void outbox_gather_flushed(struct outbox_gather *gather, int64_t now_ms)
{
    gather->flushed_ms = now_ms;
}

static void gather_count(struct outbox_gather *gather, int64_t now_ms)
{
    int64_t took_ms = now_ms - gather->since_ms;

    if (took_ms >= GATHER_COUNT_MS) {
        gather->per_ms = (int)(gather->appends / took_ms);
        gather->since_ms = now_ms;
        gather->appends = 0;
    }
    gather->appends++;
}

int64_t outbox_gather_wait_ms(struct outbox_gather *gather, int64_t now_ms, bool append)
{
    if (!append)
        return GATHER_SETTLE_MS;
    gather_count(gather, now_ms);
    int64_t apart_ms = gather->per_ms / GATHER_APPENDS_PER_MS;
    if (apart_ms > GATHER_APPEND_MAX_MS)
        apart_ms = GATHER_APPEND_MAX_MS;
    int64_t wait_ms = gather->flushed_ms + apart_ms - now_ms;
    return wait_ms > 0 ? wait_ms : 0;
}
