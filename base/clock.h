/* SPDX-License-Identifier: MIT */
/* The clock: time behind a seam, so that tests can drive it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct clock {
    int64_t (*mono_ms)(struct clock *clock); /* for deadlines and durations; never goes back */
    int64_t (*wall_ms)(struct clock *clock); /* since 1970; for people, and for what is stored */
};

enum { CLOCK_ISO_MAX = 25 }; /* bytes of 2026-11-22T16:53:10.123Z, with its NUL */

#define CLOCK_ISO_END_MS INT64_C(253402300800000) /* the year 10000, which has five digits */

/* Writes a time of the wall clock as ISO 8601 in UTC, with ms. False: the time is not of the years
 * 1970 to 9999. */
bool clock_iso(int64_t wall_ms, char text[CLOCK_ISO_MAX]);

/* The machine's clock. */
extern struct clock clock_system;

static inline int64_t clock_mono_ms(struct clock *clock)
{
    return clock->mono_ms(clock);
}

static inline int64_t clock_wall_ms(struct clock *clock)
{
    return clock->wall_ms(clock);
}
