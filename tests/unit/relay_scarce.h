/* SPDX-License-Identifier: MIT */
/* What the linker puts before functions of the relay and the outbox, for tests of the relay: memory
 * that is short, and replays that are seen at once. Included once in a program. */
#pragma once

#include <errno.h>

#include "outbox/outbox.h"
#include "relay/lanes.h"

int __wrap_lanes_join(struct lanes *lanes, struct lane_route *route, struct lane_place *place,
                      uint64_t seq, struct span record);
int __real_lanes_join(struct lanes *lanes, struct lane_route *route, struct lane_place *place,
                      uint64_t seq, struct span record);
int __wrap_outbox_delivered_unstored(struct outbox *outbox, uint64_t id, struct span model,
                                     struct span record);
int __real_outbox_delivered_unstored(struct outbox *outbox, uint64_t id, struct span model,
                                     struct span record);
void __wrap_outbox_status(struct outbox *outbox, struct outbox_status *status);
void __real_outbox_status(struct outbox *outbox, struct outbox_status *status);

static int joins_until_memory_is_short; /* 0: it is not */
static bool marks_find_no_memory;
static bool replays_are_seen; /* the outbox looks for them once a second only, real time */

int __wrap_lanes_join(struct lanes *lanes, struct lane_route *route, struct lane_place *place,
                      uint64_t seq, struct span record)
{
    if (joins_until_memory_is_short > 0 && --joins_until_memory_is_short == 0)
        return -ENOMEM;
    return __real_lanes_join(lanes, route, place, seq, record);
}

int __wrap_outbox_delivered_unstored(struct outbox *outbox, uint64_t id, struct span model,
                                     struct span record)
{
    return marks_find_no_memory ? -ENOMEM
                                : __real_outbox_delivered_unstored(outbox, id, model, record);
}

void __wrap_outbox_status(struct outbox *outbox, struct outbox_status *status)
{
    __real_outbox_status(outbox, status);
    status->offers = status->offers || replays_are_seen;
}
