/* SPDX-License-Identifier: MIT */
/* How long to wait before the next attempt. */
#include "convex/backoff.h"

int64_t backoff_ms(int failures, bool overload, int64_t retry_after_ms, struct dice *dice)
{
    int64_t ceiling_ms = overload ? BACKOFF_FIRST_OVERLOAD_MS : BACKOFF_FIRST_MS;

    for (int i = 1; i < failures && ceiling_ms < BACKOFF_MAX_MS; i++)
        ceiling_ms *= 2;
    if (ceiling_ms > BACKOFF_MAX_MS)
        ceiling_ms = BACKOFF_MAX_MS;
    int64_t wait_ms = (int64_t)dice_roll(dice, (uint64_t)ceiling_ms + 1);
    return wait_ms > retry_after_ms ? wait_ms : retry_after_ms;
}
