/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/fault_allocator.h"

#include "base/util.h"

static void *fault_allocator_alloc(struct allocator *allocator, size_t bytes)
{
    struct fault_allocator *faulty = container_of(allocator, struct fault_allocator, allocator);

    if (faulty->empty || (faulty->countdown > 0 && --faulty->countdown == 0))
        return NULL;
    return allocator_alloc(&allocator_system, bytes);
}

struct fault_allocator fault_allocator_relay = {.allocator = {fault_allocator_alloc}};
struct fault_allocator fault_allocator_outbox = {.allocator = {fault_allocator_alloc}};

void fault_allocator_end(void)
{
    fault_allocator_relay.countdown = fault_allocator_outbox.countdown = 0;
    fault_allocator_relay.empty = fault_allocator_outbox.empty = false;
}
