/* SPDX-License-Identifier: MIT */
#include "base/allocator.h"

#include <stdlib.h>

static void *allocator_system_alloc(struct allocator *allocator, size_t bytes)
{
    (void)allocator;
    return calloc(1, bytes);
}

struct allocator allocator_system = {.alloc = allocator_system_alloc};
