/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/scarce.h"

#include "base/util.h"

static void *scarce_alloc(struct allocator *allocator, size_t bytes)
{
    struct scarce *scarce = container_of(allocator, struct scarce, allocator);

    if (scarce->empty || (scarce->left > 0 && --scarce->left == 0))
        return NULL;
    return allocator_alloc(&allocator_system, bytes);
}

struct scarce scarce_relay = {.allocator = {scarce_alloc}};
struct scarce scarce_outbox = {.allocator = {scarce_alloc}};

void scarce_end(void)
{
    scarce_relay.left = scarce_outbox.left = 0;
    scarce_relay.empty = scarce_outbox.empty = false;
}
