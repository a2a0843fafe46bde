/* SPDX-License-Identifier: MIT */
/*
 * Ages.
 *
 * The age of an event in memory is measured on the mono clock, which never jumps. A row has only
 * the time of its arrival, by a wall clock that may have been wrong then (a machine without a
 * battery begins in 1970) or may be wrong now. So there are two measures: the wall clock, and the
 * wall clock as if nobody had set it since the start. The smaller age counts, since giving an event
 * up a day late harms less than giving up one that was hardly tried. Where neither measure is
 * possible, the age counts from when the row is read.
 */
#include "relay/age.h"

#include <inttypes.h>

#include "relay/core.h"
#include "relay/settle.h"

enum {
    AGE_PATIENCE_MS = 10 * 60 * 1000, /* after a start: time to try each event first */
    AGE_CHECK_MS = 10 * 1000,
};

/* A relay may have been off for a year; for more, a clock is wrong. */
#define AGE_OFF_MAX_MS (INT64_C(365) * 24 * 3600 * 1000)

void age_begin(struct relay *relay)
{
    struct clock *clock = loop_clock(relay->loop);

    relay->wall_ahead_ms = clock_wall_ms(clock) - clock_mono_ms(clock);
    relay->ages_from_ms = loop_now_ms(relay->loop) + AGE_PATIENCE_MS;
}

int64_t age_of(const struct relay *relay, int64_t wall_ms, int64_t arrived_ms)
{
    const int64_t ages_ms[] = {
        wall_ms - arrived_ms,
        loop_now_ms(relay->loop) + relay->wall_ahead_ms - arrived_ms,
    };
    int64_t age_ms = -1;

    for (size_t i = 0; i < array_len(ages_ms); i++)
        if (ages_ms[i] >= 0 && ages_ms[i] <= relay->options.max_age_ms + AGE_OFF_MAX_MS &&
            (age_ms < 0 || ages_ms[i] < age_ms))
            age_ms = ages_ms[i];
    return age_ms;
}

bool age_is_over(const struct delivery *delivery)
{
    const struct relay *relay = delivery->relay;
    int64_t now_ms = loop_now_ms(relay->loop);

    return relay->outbox && now_ms - delivery->since_ms >= relay->options.max_age_ms &&
           now_ms >= relay->ages_from_ms;
}

void age_bury(struct delivery *delivery)
{
    cleanup(buf_done) struct buf reason = BUF_NULL;
    struct span last = buf_span(&delivery->reason);

    if (!last.len)
        last = delivery->model->lost                    ? SPAN("there was no route for the model")
               : core_is_held_by_clock(delivery->model) ? SPAN("the relay's clock was not Convex's")
                                                        : SPAN("no attempt was possible");
    (void)buf_printf(&reason, "Not delivered within %" PRId64 " hours: ",
                     delivery->relay->options.max_age_ms / 3600000);
    (void)buf_append_span(&reason, last);
    settle_bury(delivery, REPLY_FAILED, buf_span(&reason));
}

void age_bury_all(struct relay *relay)
{
    struct delivery *delivery, *next;
    int64_t now_ms = loop_now_ms(relay->loop);

    if (now_ms - relay->aged_ms < AGE_CHECK_MS)
        return;
    relay->aged_ms = now_ms;
    for (delivery = TAILQ_FIRST(&relay->deliveries.list); delivery; delivery = next) {
        next = TAILQ_NEXT(delivery, link);
        if ((delivery->state == DELIVERY_WAITING || delivery->state == DELIVERY_RESTING) &&
            age_is_over(delivery))
            age_bury(delivery);
    }
}
