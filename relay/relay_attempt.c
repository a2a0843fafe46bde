/* SPDX-License-Identifier: MIT */
/*
 * Convex's side: attempts, and what follows from their answers for the event: it is done, dead, or
 * to be tried again. What they say of others, relay_learn.c draws from them.
 *
 * Without an outbox there is one attempt, and its answer is the sender's.
 */
#include "base/log.h"
#include "convex/backoff.h"
#include "convex/mutation.h"
#include "handlers/args.h"
#include "relay/delivery.h"

enum {
    RELAY_AFTER_PROBE_MS = 100,
    RELAY_ASIDE_MIN_MS = 20,
    RELAY_ASIDE_MAX_MS = 1000,
};

/* ---- attempts ---- */

static void relay_end_rest(struct delivery *delivery)
{
    loop_timer_clear(delivery->relay->loop, &delivery->timer);
    delivery_enter(delivery, DELIVERY_WAITING);
    lanes_ready(&delivery->relay->lanes, &delivery->place);
}

static bool relay_is_to_blame(const struct delivery *delivery)
{
    return delivery->blame.own || delivery->route_blame.own;
}

/* NULL: nothing but its own failure keeps it from being sent. */
static const struct gate *relay_gate_before(const struct delivery *delivery)
{
    if (delivery->relay->gate.state != GATE_OPEN)
        return &delivery->relay->gate;
    return delivery->route->gate.state != GATE_OPEN ? &delivery->route->gate : NULL;
}

/*
 * Before a gate that is not open, one that has failed is a probe only where nobody else can be: it
 * may fail whatever Convex is like.
 */
static void relay_rested(void *ctx)
{
    struct delivery *delivery = ctx;
    struct relay *relay = delivery->relay;
    const struct gate *gate = relay_gate_before(delivery);

    if (gate && !lanes_would_start(&relay->lanes, &delivery->route->lanes)) {
        int64_t at_ms = loop_now_ms(relay->loop) + RELAY_ASIDE_MAX_MS;
        if (at_ms < gate->due_ms + RELAY_AFTER_PROBE_MS)
            at_ms = gate->due_ms + RELAY_AFTER_PROBE_MS;
        loop_timer_set(relay->loop, &delivery->timer, at_ms);
        return;
    }
    relay_end_rest(delivery);
    relay_dispatch(relay);
}

void relay_wake(struct relay *relay)
{
    for (struct delivery *delivery = TAILQ_FIRST(&relay->deliveries); delivery;
         delivery = TAILQ_NEXT(delivery, link)) {
        if (delivery->state == DELIVERY_RESTING && !relay_is_to_blame(delivery) &&
            !relay_gate_before(delivery))
            relay_end_rest(delivery);
    }
}

/* The first of the route that rests before its gate. */
static void relay_probe_with_tried(struct relay_route *route)
{
    struct relay *relay = route->relay;

    for (struct delivery *delivery = TAILQ_FIRST(&relay->deliveries); delivery;
         delivery = TAILQ_NEXT(delivery, link)) {
        if (delivery->state == DELIVERY_RESTING && delivery->route == route &&
            relay_gate_before(delivery) && lanes_would_start(&relay->lanes, &route->lanes)) {
            relay_end_rest(delivery);
            relay_dispatch(relay);
            return;
        }
    }
}

void relay_probe(struct relay *relay)
{
    for (struct delivery *delivery = TAILQ_FIRST(&relay->deliveries); delivery;
         delivery = TAILQ_NEXT(delivery, link)) {
        if (delivery->state == DELIVERY_RESTING && !relay_gate_before(delivery))
            relay_end_rest(delivery);
    }
    gate_probe(&relay->gate);
    for (struct relay_route *route = TAILQ_FIRST(&relay->routes); route;
         route = TAILQ_NEXT(route, link)) {
        gate_probe(&route->gate);
        relay_probe_with_tried(route);
    }
}

/*
 * When it may go again. Where a gate has closed it is the gate that waits, and a little longer for
 * this one: another event, if there is any, is to be the next probe. One that is itself to blame
 * waits by itself.
 */
static int64_t relay_rest_until_ms(const struct delivery *delivery, const struct verdict *verdict)
{
    const struct gate *gate = relay_gate_before(delivery);

    if (gate && gate->state == GATE_CLOSED && !relay_is_to_blame(delivery))
        return gate->due_ms + RELAY_AFTER_PROBE_MS;
    return loop_now_ms(delivery->relay->loop) +
           backoff_ms(delivery->attempts, verdict->pressure == VERDICT_OVERLOAD,
                      verdict->retry_after_ms, delivery->relay->dice);
}

static void relay_rest_until(struct delivery *delivery, int64_t until_ms)
{
    struct relay *relay = delivery->relay;

    delivery_enter(delivery, DELIVERY_RESTING);
    lanes_rest(&relay->lanes, &delivery->place);
    delivery->timer = (struct loop_timer){.fn = relay_rested, .ctx = delivery};
    loop_timer_set(relay->loop, &delivery->timer, until_ms);
}

/* The event was not taken, and may be some other time. */
static void relay_try_again(struct delivery *delivery, const struct verdict *verdict)
{
    struct span reason = buf_span(&verdict->message);

    if (reason.len > DELIVERY_REASON_MAX)
        reason.len = DELIVERY_REASON_MAX;
    delivery->reason.len = 0;
    (void)buf_append_span(&delivery->reason, reason);
    if (delivery->doomed) {
        relay_finish(delivery);
        return;
    }
    if (delivery->route->lost) {
        relay_bury_stray(delivery);
        return;
    }
    if (relay_age_is_over(delivery)) {
        relay_age_bury(delivery);
        return;
    }
    relay_note_failure(delivery);
    relay_rest_until(delivery, relay_rest_until_ms(delivery, verdict));
    relay_page(delivery->route); /* others may go meanwhile */
}

static void relay_fail_unkept(struct delivery *delivery, const struct verdict *verdict)
{
    if (log_sum_first(&delivery->route->failures))
        log_warn(delivery->route->failures.message, "request", delivery_request_id(delivery),
                 "model", delivery->route->model, "outcome", verdict_outcome_name(verdict->outcome),
                 "cause", verdict->cause, "reason", verdict->detail);
    relay_settle_bury(delivery, REPLY_FAILED, buf_span(&verdict->message));
}

/* The attempt is over: what there is to count, to show and to log of it. */
static void relay_note_outcome(struct delivery *delivery, const struct verdict *verdict)
{
    struct relay_route *route = delivery->route;

    delivery->relay->outcomes[verdict->outcome]++;
    if (verdict->outcome == VERDICT_DONE)
        return;
    route->error_ms = loop_now_ms(route->relay->loop);
    route->error_outcome = verdict->outcome;
    memcpy(route->error, verdict->cause, sizeof(route->error));
}

static void relay_log_attempt(const struct delivery *delivery, const struct verdict *verdict)
{
    const struct relay *relay = delivery->relay;

    if (log_enabled(LOG_DEBUG))
        log_debug("attempt", "request", delivery_request_id(delivery), "id",
                  log_number(delivery->place.seq), "model", delivery->route->model, "n",
                  log_number(delivery->attempts), "outcome", verdict_outcome_name(verdict->outcome),
                  "cause", verdict->cause, "reason", verdict->detail, "ms",
                  log_number(loop_now_ms(relay->loop) - delivery->began_ms));
}

/* What might have passed has not, so many times. */
static void relay_lose_patience(struct delivery *delivery, struct verdict *verdict)
{
    if (verdict->tries_max > 0 && ++delivery->strikes >= verdict->tries_max)
        verdict->outcome = VERDICT_REJECTED;
}

static void relay_judge(struct delivery *delivery, struct verdict *verdict)
{
    relay_lose_patience(delivery, verdict);
    relay_note_outcome(delivery, verdict);
    relay_log_attempt(delivery, verdict);
    relay_learn(delivery, verdict);
    if (verdict->outcome == VERDICT_DONE)
        relay_settle_delivered(delivery);
    else if (!delivery->relay->outbox)
        relay_fail_unkept(delivery, verdict);
    else if (verdict->outcome == VERDICT_REJECTED)
        relay_settle_bury(delivery, REPLY_FAILED, buf_span(&verdict->message));
    else
        relay_try_again(delivery, verdict);
}

/* What stops an attempt before Convex is asked, such as a lack of memory, is as good as no answer.
 */
static void relay_not_sent(struct delivery *delivery)
{
    struct verdict verdict = {.outcome = VERDICT_AGAIN,
                              .scope = VERDICT_ROUTE,
                              .retry_after_ms = -1,
                              .cause = "out of resources"};

    (void)buf_append_span(&verdict.message, SPAN("fetch failed"));
    relay_note_outcome(delivery, &verdict);
    relay_log_attempt(delivery, &verdict);
    if (delivery->relay->outbox) /* nothing was learned of Convex */
        relay_try_again(delivery, &verdict);
    else
        relay_fail_unkept(delivery, &verdict);
    buf_done(&verdict.message);
}

static int relay_send(struct delivery *delivery);

static void relay_answered(struct call *call, const struct answer *answer)
{
    struct delivery *delivery = container_of(call, struct delivery, call);
    struct relay *relay = delivery->relay;
    struct verdict verdict = {0};

    /* A reload has made another way meanwhile, with other certificates. */
    if (answer->kind == ANSWER_NOT_SENT && call->transport != relay->transport &&
        !relay->sends_no_more && relay_send(delivery) == 0)
        return;
    histogram_add(&relay->convex_duration, loop_now_ms(relay->loop) - delivery->began_ms);
    if (verdict_read(answer, &verdict))
        relay_not_sent(delivery);
    else
        relay_judge(delivery, &verdict);
    buf_done(&verdict.message);
    relay_dispatch(relay);
    relay_knock(relay);
}

int relay_make_args(struct delivery *delivery, struct buf *message)
{
    if (delivery->made_for == delivery->route->generation)
        return 0;
    buf_done(&delivery->event.rewritten);
    int r = args_make(delivery->route->route, &delivery->event, message);
    if (r == 0)
        delivery->made_for = delivery->route->generation;
    delivery_count_bytes(delivery);
    return r;
}

static int relay_send(struct delivery *delivery)
{
    const struct route *route = delivery->route->route;
    bool remove = delivery->event.remove && route->remove;

    delivery->before_args.len = 0;
    int r = mutation_before_args(remove ? route->remove : route->mutation, &delivery->before_args);
    if (r)
        return r;
    delivery->call = (struct call){
        .body = {buf_span(&delivery->before_args), delivery->event.args, MUTATION_AFTER_ARGS},
        .request_id = delivery_request_id(delivery),
        .done = relay_answered,
    };
    return transport_start(delivery->relay->transport, &delivery->call);
}

void relay_end_early(struct relay_route *route)
{
    struct delivery *delivery;

    if (route->early == 0)
        return;
    for (delivery = TAILQ_FIRST(&route->relay->deliveries); delivery && route->early > 0;
         delivery = TAILQ_NEXT(delivery, link)) {
        if (!delivery->early || delivery->route != route)
            continue;
        delivery_end_early(delivery);
        lanes_ready(&route->relay->lanes, &delivery->place);
    }
    relay_dispatch(route->relay);
}

/* Those that have failed before, and may take long to fail again, leave half of the room to others.
 */
static bool relay_is_for_others(const struct delivery *delivery)
{
    const struct relay *relay = delivery->relay;
    int room = delivery->route->lanes.limit < relay->lanes.limit ? delivery->route->lanes.limit
                                                                 : relay->lanes.limit;

    return delivery->blame.first && relay->suspects > 0 && relay->suspects >= room / 2;
}

/* As long again as those that are out have been: they may be back soon, or time out. */
static void relay_stand_aside(struct delivery *delivery)
{
    int64_t now_ms = loop_now_ms(delivery->relay->loop);
    int64_t wait_ms = now_ms - delivery->relay->suspect_ms;

    if (wait_ms < RELAY_ASIDE_MIN_MS)
        wait_ms = RELAY_ASIDE_MIN_MS;
    else if (wait_ms > RELAY_ASIDE_MAX_MS)
        wait_ms = RELAY_ASIDE_MAX_MS;
    relay_rest_until(delivery, now_ms + wait_ms);
}

static void relay_start(struct delivery *delivery)
{
    cleanup(buf_done) struct buf message = BUF_NULL;

    /* It settles since before it came to the head; or relay_end_early(), or relay_append_done(),
     * lets it go. */
    if (delivery->state == DELIVERY_SETTLING || delivery->early ||
        relay_goes_to_disk_first(delivery)) {
        lanes_rest(&delivery->relay->lanes, &delivery->place);
        return;
    }
    delivery_enter(delivery, DELIVERY_FLYING);
    if (relay_is_for_others(delivery)) {
        relay_stand_aside(delivery);
        return;
    }
    /* One that has never been tried, such as a replay that a restart interrupted, gets its chance.
     */
    if (delivery->attempts > 0 && relay_age_is_over(delivery)) {
        relay_age_bury(delivery);
        return;
    }
    int r = relay_make_args(delivery, &message);
    if (r > 0) {
        relay_settle_bury(delivery, REPLY_FAILED, buf_span(&message));
        return;
    }
    if (delivery->blame.first)
        delivery_begin_suspect(delivery);
    delivery->place.tried = true;
    delivery->attempt = limit_begin(&delivery->route->limit);
    delivery->attempts++;
    delivery->began_ms = loop_now_ms(delivery->relay->loop);
    delivery->tried_ms = clock_wall_ms(loop_clock(delivery->relay->loop));
    if (r == 0)
        r = relay_send(delivery);
    if (r)
        relay_not_sent(delivery);
}

void relay_dispatch(struct relay *relay)
{
    struct lane_place *place;

    if (relay->dispatching)
        return; /* what has come free since is seen by the loop below */
    relay->dispatching = true;
    while ((place = lanes_start(&relay->lanes)))
        relay_start(container_of(place, struct delivery, place));
    relay->dispatching = false;
}
