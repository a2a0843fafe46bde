/* SPDX-License-Identifier: MIT */
/*
 * A limit: how many attempts may be in flight at once, found by trying. A round of successes adds
 * one; a conflict or an overload halves the limit.
 *
 * Source: Chiu and Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance
 * in Computer Networks", 1989.
 */
#pragma once

#include <stdint.h>

struct limit {
    int now;          /* attempts, at most */
    int max;          /* what now may grow to */
    int successes;    /* since now last changed */
    uint64_t attempt; /* the number of the latest attempt */
    uint64_t cut_at; /* the latest attempt when the limit was last cut: no earlier one cuts again */
};

static inline void limit_init(struct limit *limit, int max)
{
    *limit = (struct limit){.now = max, .max = max};
}

/* A limit that was at its maximum stays there. */
static inline void limit_set_max(struct limit *limit, int max)
{
    if (limit->now > max || limit->now == limit->max)
        limit->now = max;
    limit->max = max;
}

/* An attempt begins. Returns its number, which limit_cut() wants back. */
static inline uint64_t limit_begin(struct limit *limit)
{
    return ++limit->attempt;
}

/* An attempt succeeded. */
static inline void limit_success(struct limit *limit)
{
    if (++limit->successes < limit->now)
        return;
    limit->successes = 0;
    if (limit->now < limit->max)
        limit->now++;
}

/* An attempt met a conflict or an overload. Attempts that were in flight together fail together:
 * one cut answers all of them. */
static inline void limit_cut(struct limit *limit, uint64_t attempt)
{
    if (attempt <= limit->cut_at)
        return;
    limit->cut_at = limit->attempt;
    limit->successes = 0;
    limit->now = limit->now > 1 ? limit->now / 2 : 1;
}

/* After a gate has opened, the limit begins anew with what is in flight. */
static inline void limit_restart(struct limit *limit, int in_flight)
{
    limit->cut_at = limit->attempt;
    limit->successes = 0;
    limit->now = in_flight < 1 ? 1 : in_flight < limit->max ? in_flight : limit->max;
}
