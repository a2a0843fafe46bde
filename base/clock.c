/* SPDX-License-Identifier: MIT */
/* The clock: time behind a seam. */
#include "base/clock.h"

#include <stdio.h>
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

bool clock_iso(int64_t wall_ms, char text[CLOCK_ISO_MAX])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;

    if (wall_ms < 0 || wall_ms >= CLOCK_ISO_END_MS || !gmtime_r(&seconds, &tm))
        return false;
    size_t len = strftime(text, CLOCK_ISO_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(text + len, CLOCK_ISO_MAX - len, ".%03uZ", (unsigned)(wall_ms % 1000) % 1000);
    return true;
}
