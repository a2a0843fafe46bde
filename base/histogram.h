/* SPDX-License-Identifier: MIT */
/* Counts how long things took, in fixed buckets. Adding costs a few comparisons. */
#pragma once

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 13 };

/* The upper end of a bucket, which the bucket does not include. */
struct histogram_bound {
    int64_t ms;
    const char *seconds; /* the same as Prometheus writes it */
};
extern const struct histogram_bound histogram_bounds[HISTOGRAM_BUCKETS];

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS + 1]; /* not cumulative; the last: beyond all bounds */
    uint64_t sum_ms;
};

/* Adds a time. A clock of whole ms cuts fractions off, so that 2 ms may have been 2.9. A time that
 * equals a bound thus counts as beyond that bound. */
static inline void histogram_add(struct histogram *histogram, int64_t ms)
{
    int bucket = 0;

    while (bucket < HISTOGRAM_BUCKETS && ms >= histogram_bounds[bucket].ms)
        bucket++;
    histogram->counts[bucket]++;
    histogram->sum_ms += ms > 0 ? (uint64_t)ms : 0;
}
