/* SPDX-License-Identifier: MIT */
/* Counts how many things came together, in fixed buckets, as histogram.h counts times. */
#pragma once

#include <stdint.h>

enum { SIZES_BUCKETS = 8 };

struct sizes_bound {
    int size;
    const char *text;
};
extern const struct sizes_bound sizes_bounds[SIZES_BUCKETS];

struct sizes {
    uint64_t counts[SIZES_BUCKETS + 1]; /* not cumulative; the last: beyond all bounds */
    uint64_t sum;
};

/* A size that equals a bound counts as within that bound. */
static inline void sizes_add(struct sizes *sizes, int size)
{
    int bucket = 0;

    while (bucket < SIZES_BUCKETS && size > sizes_bounds[bucket].size)
        bucket++;
    sizes->counts[bucket]++;
    sizes->sum += (uint64_t)size;
}
