/* SPDX-License-Identifier: MIT */
/* Memory behind a seam, so that tests can let it run out. */
#pragma once

#include <stddef.h>

struct allocator {
    /* Returns bytes that are all zero, and that free() takes; NULL: there is no memory. */
    void *(*alloc)(struct allocator *allocator, size_t bytes);
};

/* The machine's memory. */
extern struct allocator allocator_system;

static inline void *allocator_alloc(struct allocator *allocator, size_t bytes)
{
    return allocator->alloc(allocator, bytes);
}
