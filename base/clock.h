/* SPDX-License-Identifier: MIT */
/* Time behind a seam, so that tests can drive it. */
#pragma once

#include <stdint.h>

struct clock {
    int64_t (*mono_ms)(struct clock *clock); /* never goes back; for deadlines and durations */
    int64_t (*wall_ms)(struct clock *clock); /* since 1970; for what people read and what is kept */
};

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
