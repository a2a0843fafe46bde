/* SPDX-License-Identifier: MIT */
/* Allocators that run out of memory when a test says so. */
#pragma once

#include <stdbool.h>

#include "base/allocator.h"

struct scarce {
    struct allocator allocator;
    int left;   /* the allocation that is as far away as this fails; 0: none does */
    bool empty; /* none works */
};

/* Of the relay's events and lanes, and of the outbox's marks: what relay_world.h hands over. */
extern struct scarce scarce_relay, scarce_outbox;

/* There is enough for both from now on. */
void scarce_end(void);
