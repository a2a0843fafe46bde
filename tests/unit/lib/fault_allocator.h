/* SPDX-License-Identifier: MIT */
/* Allocators that run out of memory on demand. */
#pragma once

#include <stdbool.h>

#include "base/allocator.h"

struct fault_allocator {
    struct allocator allocator;
    int countdown; /* the nth allocation from now on fails (1: the next one); 0: none does */
    bool empty;    /* every allocation fails */
};

/* What relay_world.h gives the relay, for events and lanes, and the outbox, for stale marks. */
extern struct fault_allocator fault_allocator_relay, fault_allocator_outbox;

/* No allocation of either fails from now on. */
void fault_allocator_end(void);
