/* SPDX-License-Identifier: MIT */
/*
 * The mono clock follows neither a set clock nor a sleep of the machine, so that the two clocks
 * tell of a leap without Convex's help; but only Convex tells what a leap means.
 */
#include "relay/clock_check.h"

enum { CLOCK_CHECK_DATE_MS = 1000 }; /* a Date has no fractions */

void clock_check_init(struct clock_check *check)
{
    *check = (struct clock_check){.asks = true};
}

static bool clock_check_is_right(const struct clock_check *check)
{
    return check->min_ms >= -CLOCK_CHECK_OFF_MS && check->max_ms <= CLOCK_CHECK_OFF_MS;
}

static bool clock_check_is_off(const struct clock_check *check)
{
    return check->min_ms > CLOCK_CHECK_OFF_MS || check->max_ms < -CLOCK_CHECK_OFF_MS;
}

void clock_check_date(struct clock_check *check, int64_t date_ms, int64_t began_ms, int64_t now_ms,
                      int64_t wall_ms)
{
    /* What the wall clock of now would have shown then: it may have leapt during the call. */
    int64_t began_wall_ms = wall_ms - (now_ms - began_ms);

    check->asks = false;
    check->measured = true;
    check->measured_ms = now_ms;
    check->ahead_ms = wall_ms - now_ms;
    check->min_ms = began_wall_ms - (date_ms + CLOCK_CHECK_DATE_MS - 1);
    check->max_ms = wall_ms - date_ms;
    if (clock_check_is_off(check))
        check->off = true;
    else if (clock_check_is_right(check))
        check->off = false;
}

void clock_check_no_date(struct clock_check *check)
{
    if (check->asks)
        check->asks = check->off = false;
}

void clock_check_look(struct clock_check *check, int64_t now_ms, int64_t wall_ms)
{
    int64_t leap_ms = wall_ms - now_ms - check->ahead_ms;

    if (!check->measured || (leap_ms <= CLOCK_CHECK_LEAP_MS && leap_ms >= -CLOCK_CHECK_LEAP_MS))
        return;
    check->ahead_ms += leap_ms;
    check->min_ms += leap_ms;
    check->max_ms += leap_ms;
    check->asks = check->asks || check->off || !clock_check_is_right(check);
}
