/* SPDX-License-Identifier: MIT */
/*
 * The call that asks runs no function and wants no key (convex-backend
 * crates/local_backend/src/public_api.rs, public_get_query_ts), and is judged for its answer's Date
 * alone, whatever the status. Where Convex cannot be reached, the routes wait for it as behind the
 * upstream gate, which is told. Where a call is lost again and again though others may get through,
 * there is no check.
 *
 * Without an outbox no event waits: those that are held fail, and say why.
 */
#include "relay/clock_hold.h"

#include <stdio.h>

#include "base/log.h"
#include "convex/backoff.h"
#include "convex/headers.h"
#include "relay/core.h"
#include "relay/learn.h"
#include "relay/outcome.h"

enum {
    CLOCK_HOLD_MEASURE_MS = 1000,    /* no Date is read sooner after another one */
    CLOCK_HOLD_PROBE_MS = 30 * 1000, /* while the clock is off */
    CLOCK_HOLD_LOST_MAX = 3,         /* calls in a row */
};

static const char clock_hold_text[] =
    "The relay's clock is over 5 minutes from Convex's: nothing is sent on routes with sequence";

static void clock_hold_plan(struct relay *relay, int64_t after_ms)
{
    struct relay_clock *clock = &relay->clock;

    loop_timer_clear(relay->loop, &clock->timer);
    loop_timer_set(relay->loop, &clock->timer, loop_now_ms(relay->loop) + after_ms);
}

/* ---- what follows ---- */

static void clock_hold_log(struct relay *relay)
{
    const struct clock_check *check = &relay->clock.check;
    int64_t now_ms = loop_now_ms(relay->loop);

    if (check->off)
        log_warn("the clock is over 5 minutes from Convex's: routes with sequence are held; let "
                 "NTP set this machine's clock (or that of Convex's)",
                 "ahead_s", log_number((check->min_ms + check->max_ms) / 2000));
    else
        log_info("the clock is right again: routes with sequence go on", "after_s",
                 log_number((now_ms - relay->clock.since_ms) / 1000));
}

/* Something was found, or is not known any more. */
static void clock_hold_changed(struct relay *relay, const struct clock_check *before)
{
    struct relay_clock *clock = &relay->clock;
    const struct clock_check *check = &clock->check;

    if (before->off != check->off)
        clock_hold_log(relay);
    if (check->off && !check->asks && !clock->asking && !heap_linked(&clock->timer.node))
        clock_hold_plan(relay, CLOCK_HOLD_PROBE_MS);
    if (clock_check_holds(before) == clock_check_holds(check))
        return;
    clock->since_ms = loop_now_ms(relay->loop);
    learn_apply_all(relay);
    core_ask_pump(relay);
}

/* Without an outbox: the events that are held fail. */
static void clock_hold_refuse(struct relay *relay, const char *cause, struct span message)
{
    struct delivery *delivery, *next;

    for (delivery = TAILQ_FIRST(&relay->deliveries.list); delivery; delivery = next) {
        struct verdict verdict = {.outcome = VERDICT_HELD};
        next = TAILQ_NEXT(delivery, link);
        if (delivery->state != DELIVERY_WAITING || !core_is_held_by_clock(delivery->model))
            continue;
        (void)snprintf(verdict.cause, sizeof(verdict.cause), "%s", cause);
        (void)buf_append_span(&verdict.message, message);
        outcome_apply(delivery, &verdict);
        buf_done(&verdict.message);
    }
}

static bool clock_hold_keeps_some(const struct relay *relay)
{
    const struct delivery *delivery;

    TAILQ_FOREACH (delivery, &relay->deliveries.list, link) {
        if (delivery->state == DELIVERY_WAITING && core_is_held_by_clock(delivery->model))
            return true;
    }
    return false;
}

/* ---- answers ---- */

static void clock_hold_take(struct relay *relay, const struct answer *answer, int64_t began_ms)
{
    struct clock *clock = loop_clock(relay->loop);
    struct clock_check *check = &relay->clock.check;
    const struct clock_check before = *check;
    int64_t date_ms = headers_date_ms(answer->date);

    if (date_ms >= 0)
        clock_check_date(check, date_ms, began_ms, clock_mono_ms(clock), clock_wall_ms(clock));
    else if (answer->status)
        clock_check_no_date(check);
    clock_hold_changed(relay, &before);
}

void clock_hold_answered(struct relay *relay, const struct answer *answer, int64_t began_ms)
{
    const struct clock_check *check = &relay->clock.check;

    if (relay->clock.wanted &&
        (check->asks || loop_now_ms(relay->loop) - check->measured_ms >= CLOCK_HOLD_MEASURE_MS))
        clock_hold_take(relay, answer, began_ms);
}

/* ---- the call that asks ---- */

/* Nothing has come that could tell. */
static void clock_hold_failed(struct relay *relay, const struct answer *answer)
{
    struct relay_clock *clock = &relay->clock;
    const struct clock_check before = clock->check;
    struct verdict verdict = {0};

    clock->failures++;
    clock->lost = answer->kind == ANSWER_NOT_SENT ? 0 : clock->lost + 1;
    clock_hold_plan(relay, backoff_ms(clock->failures, false, -1, relay->dice));
    if (clock->lost >= CLOCK_HOLD_LOST_MAX) {
        clock_check_no_date(&clock->check);
        clock_hold_changed(relay, &before);
    } else if (verdict_read(answer, &verdict) == 0) {
        if (relay->outbox)
            learn_unreachable(relay, &clock->blame, clock->asked_ms, &verdict);
        else
            clock_hold_refuse(relay, verdict.cause, buf_span(&verdict.message));
    }
    buf_done(&verdict.message);
}

static void clock_hold_told(struct call *call, const struct answer *answer)
{
    struct relay_clock *clock = container_of(call, struct relay_clock, call);
    struct relay *relay = container_of(clock, struct relay, clock);

    clock->asking = false;
    clock_hold_take(relay, answer, clock->asked_ms);
    if (clock->check.asks) {
        clock_hold_failed(relay, answer);
        return;
    }
    if (clock->failures > 0) /* Convex is there: what waits for its gate need not wait longer */
        gate_probe(&relay->gate);
    clock->failures = clock->lost = 0;
    clock->blame = (struct blame){0};
    core_ask_pump(relay);
}

static void clock_hold_ask(struct relay *relay)
{
    struct relay_clock *clock = &relay->clock;

    loop_timer_clear(relay->loop, &clock->timer);
    clock->asked_ms = loop_now_ms(relay->loop);
    clock->call = (struct call){.body = {SPAN("{}")}, .for_date = true, .done = clock_hold_told};
    clock->asking = transport_start(relay->transport, &clock->call) == 0;
    if (!clock->asking)
        clock_hold_plan(relay, backoff_ms(1, false, -1, relay->dice));
}

static bool clock_hold_may_ask(const struct relay *relay)
{
    return relay->clock.wanted && !relay->clock.asking && relay->phase < RELAY_FINISHING;
}

static void clock_hold_due(void *ctx)
{
    struct relay *relay = ctx;

    if (clock_hold_may_ask(relay) && clock_check_holds(&relay->clock.check))
        clock_hold_ask(relay);
}

void clock_hold_probe(struct relay *relay)
{
    clock_hold_due(relay);
}

/* ---- looks ---- */

/* Whether nothing but an answer is waited for. */
static bool clock_hold_is_due(const struct relay *relay)
{
    const struct relay_clock *clock = &relay->clock;

    return clock->check.asks && clock_hold_may_ask(relay) &&
           (!heap_linked(&clock->timer.node) || (!relay->outbox && clock_hold_keeps_some(relay)));
}

void clock_hold_look(struct relay *relay)
{
    struct clock *clock = loop_clock(relay->loop);
    struct clock_check *check = &relay->clock.check;
    const struct clock_check before = *check;

    if (!relay->clock.wanted) {
        if (check->off)
            log_info("no route has sequence any more: none is held for the clock");
        clock_check_init(check);
        return;
    }
    clock_check_look(check, clock_mono_ms(clock), clock_wall_ms(clock));
    if (check->asks && !before.asks) /* a leap: not what the timer waits for */
        loop_timer_clear(relay->loop, &relay->clock.timer);
    clock_hold_changed(relay, &before);
    if (clock_hold_is_due(relay))
        clock_hold_ask(relay);
    if (!relay->outbox && check->off && !check->asks)
        clock_hold_refuse(relay, "clock", span_of(clock_hold_text));
}

/* ---- life ---- */

void clock_hold_init(struct relay *relay)
{
    clock_check_init(&relay->clock.check);
    relay->clock.timer = (struct loop_timer){.fn = clock_hold_due, .ctx = relay};
}

void clock_hold_done(struct relay *relay)
{
    if (relay->clock.asking)
        transport_cancel(&relay->clock.call);
    relay->clock.asking = false;
    loop_timer_clear(relay->loop, &relay->clock.timer);
}
