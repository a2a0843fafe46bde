/* SPDX-License-Identifier: MIT */
/* Memory that is short: what the linker puts before functions of the relay and the outbox, for
 * tests of the relay. Included once in a program. */
#pragma once

#include <errno.h>

#include "outbox/outbox.h"
#include "relay/lanes.h"

int __wrap_lanes_join(struct lanes *lanes, struct lane_group *group, struct lane_place *place,
                      uint64_t id, struct span record, enum lanes_haste haste);
int __real_lanes_join(struct lanes *lanes, struct lane_group *group, struct lane_place *place,
                      uint64_t id, struct span record, enum lanes_haste haste);
int __wrap_outbox_delivered_unstored(struct outbox *outbox, uint64_t id, struct span model,
                                     struct span record);
int __real_outbox_delivered_unstored(struct outbox *outbox, uint64_t id, struct span model,
                                     struct span record);

static int joins_until_memory_is_short; /* 0: it is not */
static bool marks_find_no_memory;

int __wrap_lanes_join(struct lanes *lanes, struct lane_group *group, struct lane_place *place,
                      uint64_t id, struct span record, enum lanes_haste haste)
{
    if (joins_until_memory_is_short > 0 && --joins_until_memory_is_short == 0)
        return -ENOMEM;
    return __real_lanes_join(lanes, group, place, id, record, haste);
}

int __wrap_outbox_delivered_unstored(struct outbox *outbox, uint64_t id, struct span model,
                                     struct span record)
{
    return marks_find_no_memory ? -ENOMEM
                                : __real_outbox_delivered_unstored(outbox, id, model, record);
}
