/* SPDX-License-Identifier: MIT */
/*
 * How many may be under way at once, found by trying: one more for each round of successes, half
 * as many after a conflict or an overload.
 *
 * Source: Chiu and Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance
 * in Computer Networks", 1989.
 */
#pragma once

#include <stdint.h>

struct limit {
    int now;
    int max;
    int successes;    /* since now last changed */
    uint64_t attempt; /* of those begun, the latest */
    uint64_t cut_at;  /* attempts up to this one began before the last cut: it was their fault */
};

static inline void limit_init(struct limit *limit, int max)
{
    *limit = (struct limit){.now = max, .max = max};
}

static inline void limit_set_max(struct limit *limit, int max)
{
    if (limit->now > max || limit->now == limit->max)
        limit->now = max;
    limit->max = max;
}

/* An attempt begins: what it returns is given back with the attempt's end. */
static inline uint64_t limit_begin(struct limit *limit)
{
    return ++limit->attempt;
}

static inline void limit_success(struct limit *limit)
{
    if (++limit->successes < limit->now)
        return;
    limit->successes = 0;
    if (limit->now < limit->max)
        limit->now++;
}

/* Those that were under way together fail together: one cut answers all of them. */
static inline void limit_cut(struct limit *limit, uint64_t attempt)
{
    if (attempt <= limit->cut_at)
        return;
    limit->cut_at = limit->attempt;
    limit->successes = 0;
    limit->now = limit->now > 1 ? limit->now / 2 : 1;
}

/* Begins anew from what is under way, after everything had stopped. */
static inline void limit_restart(struct limit *limit, int in_flight)
{
    limit->cut_at = limit->attempt;
    limit->successes = 0;
    limit->now = in_flight < 1 ? 1 : in_flight < limit->max ? in_flight : limit->max;
}
