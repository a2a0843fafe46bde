/* SPDX-License-Identifier: MIT */
/* Time behind a seam. */
#include "base/clock.h"

#include <time.h>

static int64_t clock_read_ms(clockid_t id)
{
    struct timespec now = {0};

    (void)clock_gettime(id, &now); /* cannot fail for these two clocks */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t clock_system_mono_ms(struct clock *clock)
{
    (void)clock;
    return clock_read_ms(CLOCK_MONOTONIC);
}

static int64_t clock_system_wall_ms(struct clock *clock)
{
    (void)clock;
    return clock_read_ms(CLOCK_REALTIME);
}

struct clock clock_system = {clock_system_mono_ms, clock_system_wall_ms};
