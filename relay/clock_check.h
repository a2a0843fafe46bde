/* SPDX-License-Identifier: MIT */
/*
 * Whether the clock that ids come from agrees with Convex's, as far as the Date of answers tells. A
 * number from the future (sequence) would make Convex ignore what other outboxes send until then.
 *
 * A Date says that Convex's clock showed that second at some moment of the call, so what is known
 * is an interval: slow answers say less, never something wrong. The clock is found off, or right,
 * where the whole interval says so; in between, the last finding stands. Time is but a number here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    CLOCK_CHECK_OFF_MS = 5 * 60 * 1000, /* the clock is off where it is further from Convex's */
    CLOCK_CHECK_LEAP_MS = 1000, /* what wall and mono clock drift apart by the way they are read */
};

struct clock_check {
    bool asks;           /* nothing is known of the clock as it is now: the next answer tells */
    bool off;            /* the latest finding */
    bool measured;       /* some answer had a Date; what follows is of the latest of them: */
    int64_t measured_ms; /* mono; when it came */
    int64_t ahead_ms;    /* the wall clock less the mono clock, as they stood then */
    int64_t min_ms;      /* the clock is ahead of Convex's by this much at least: negative where */
    int64_t max_ms;      /* it is behind; and by this much at most */
};

void clock_check_init(struct clock_check *check);

/* Whether a number from the clock may mislead. */
static inline bool clock_check_holds(const struct clock_check *check)
{
    return check->asks || check->off;
}

/* An answer with a Date (ms since 1970, a whole second) has come now, to a call that began at
 * began_ms. began_ms and now_ms: mono. */
void clock_check_date(struct clock_check *check, int64_t date_ms, int64_t began_ms, int64_t now_ms,
                      int64_t wall_ms);

/* An answer without a Date has come. Where one had to tell, the clock counts as right: Convex, or
 * what stands before it, says no time. */
void clock_check_no_date(struct clock_check *check);

/* The clocks show that now. Where the wall clock has leapt since the latest Date, so that it may be
 * off now or right again, an answer must tell. */
void clock_check_look(struct clock_check *check, int64_t now_ms, int64_t wall_ms);
