/* SPDX-License-Identifier: MIT */
/* How long things took, counted in fixed buckets: adding to it is a few comparisons. */
#pragma once

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 13 };

struct histogram_bound {
    int64_t ms;
    const char *seconds;
};
extern const struct histogram_bound histogram_bounds[HISTOGRAM_BUCKETS];

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS + 1]; /* each for itself; the last is beyond all bounds */
    uint64_t sum_ms;
};

/* A clock that counts whole ms tells 2 from 1.9 by cutting: what shows as a bound is beyond it. */
static inline void histogram_add(struct histogram *histogram, int64_t ms)
{
    int bucket = 0;

    while (bucket < HISTOGRAM_BUCKETS && ms >= histogram_bounds[bucket].ms)
        bucket++;
    histogram->counts[bucket]++;
    histogram->sum_ms += ms > 0 ? (uint64_t)ms : 0;
}
