/* SPDX-License-Identifier: MIT */
/*
 * How many events of a model go in one call, found by trying: one more after each clean batch that
 * was full, half as many after a conflict or one of Convex's limits. And whether its batch function
 * is used at all at the moment. Nothing here knows of time but as a number.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    BATCHING_MIN = 2,
    BATCHING_MISSING_MS = 60 * 1000,       /* until a function that is not deployed is looked for */
    BATCHING_UNUSABLE_MS = 60 * 60 * 1000, /* until one that returns nonsense is tried again */
};

struct batching {
    int size; /* events in a call at most; 0: the route has no batch function */
    int max;
    int64_t off_until_ms; /* mono; events go singly before */
};

/* The route from now on; max: 0 where it has no batch function. */
static inline void batching_set_max(struct batching *batching, int max)
{
    *batching = (struct batching){.size = max, .max = max};
}

/* How many events may go in one call now; 1: each goes singly. */
static inline int batching_size(const struct batching *batching, int64_t now_ms)
{
    return batching->size > 0 && now_ms >= batching->off_until_ms ? batching->size : 1;
}

/* A call with n events has succeeded. */
static inline void batching_clean(struct batching *batching, int n)
{
    if (n >= batching->size && batching->size < batching->max)
        batching->size++;
}

/* A call with n events asked too much of Convex. */
static inline void batching_cut(struct batching *batching, int n)
{
    int half = n / 2 < BATCHING_MIN ? BATCHING_MIN : n / 2;

    if (half < batching->size)
        batching->size = half;
}

static inline void batching_off(struct batching *batching, int64_t until_ms)
{
    batching->off_until_ms = until_ms;
}
