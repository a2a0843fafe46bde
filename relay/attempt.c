/* SPDX-License-Identifier: MIT */
/*
 * Attempts, and what follows from Convex's answer for the event: it is delivered, buried, or tried
 * again. What the answer says about other events is relay/learn.c's.
 *
 * Without an outbox an event has one attempt, whose answer is the sender's.
 */
#include "relay/attempt.h"

#include <errno.h>

#include "base/error.h"
#include "base/log.h"
#include "convex/backoff.h"
#include "convex/mutation.h"
#include "handlers/args.h"
#include "relay/age.h"
#include "relay/core.h"
#include "relay/learn.h"
#include "relay/settle.h"

enum {
    ATTEMPT_AFTER_PROBE_MS = 100, /* an event that has failed rests so long past the probe */
    ATTEMPT_ASIDE_MIN_MS = 20,    /* and so long, where others go first */
    ATTEMPT_ASIDE_MAX_MS = 1000,
};

struct attempt {
    struct delivery *delivery;
    struct call call;
    struct buf before_args;
    struct learn_attempt learn;
    bool suspect;         /* the event has failed before: the attempt counts in relay.suspects */
    struct attempt *next; /* in relay.attempts_free */
};

static struct attempt *attempt_new(struct delivery *delivery)
{
    struct relay *relay = delivery->relay;
    struct attempt *attempt = relay->attempts_free;

    if (attempt)
        relay->attempts_free = attempt->next;
    else
        attempt = calloc(1, sizeof(*attempt));
    if (!attempt) {
        (void)error_origin(-ENOMEM);
        return NULL;
    }
    attempt->delivery = delivery;
    attempt->suspect = delivery->blame.first > 0;
    attempt->learn = (struct learn_attempt){.number = limit_begin(&delivery->model->limit),
                                            .began_ms = loop_now_ms(relay->loop)};
    if (attempt->suspect) {
        relay->suspects++;
        relay->suspect_ms = attempt->learn.began_ms;
    }
    delivery->attempt = attempt;
    return attempt;
}

/* The attempt is over. Returns what learn_from() wants to know of it. */
static struct learn_attempt attempt_end(struct attempt *attempt)
{
    struct relay *relay = attempt->delivery->relay;

    relay->suspects -= attempt->suspect;
    attempt->delivery->attempt = NULL;
    attempt->next = relay->attempts_free;
    relay->attempts_free = attempt;
    return attempt->learn;
}

void attempt_cancel(struct delivery *delivery)
{
    if (!delivery->attempt)
        return;
    transport_cancel(&delivery->attempt->call);
    (void)attempt_end(delivery->attempt);
}

void attempt_done(struct relay *relay)
{
    struct attempt *attempt;

    while ((attempt = relay->attempts_free)) {
        relay->attempts_free = attempt->next;
        buf_done(&attempt->before_args);
        free(attempt);
    }
}

/* ---- rests ---- */

static void attempt_end_rest(struct delivery *delivery)
{
    delivery_enter(delivery, DELIVERY_WAITING);
    lanes_ready(&delivery->relay->lanes, &delivery->place);
    core_ask_pump(delivery->relay);
}

static bool attempt_is_to_blame(const struct delivery *delivery)
{
    return delivery->blame.own || delivery->model_blame.own;
}

/*
 * The timer of a resting event. Before a gate that is not open, an event that has failed may be the
 * probe only where no other event can: it may fail even if Convex is well.
 */
static void attempt_rested(void *ctx)
{
    struct delivery *delivery = ctx;
    struct relay *relay = delivery->relay;
    const struct gate *gate = core_gate_before(delivery);

    if (gate && !lanes_would_start(&relay->lanes, &delivery->model->lanes)) {
        int64_t at_ms = loop_now_ms(relay->loop) + ATTEMPT_ASIDE_MAX_MS;
        if (at_ms < gate->due_ms + ATTEMPT_AFTER_PROBE_MS)
            at_ms = gate->due_ms + ATTEMPT_AFTER_PROBE_MS;
        loop_timer_set(relay->loop, &delivery->timer, at_ms);
        return;
    }
    attempt_end_rest(delivery);
}

/* Events that rest, and have no gate before them any more, may go. all: also events that are to
 * blame for their failures, which otherwise wait for their own backoff. */
static void attempt_wake(struct relay *relay, bool all)
{
    struct delivery *delivery;

    TAILQ_FOREACH (delivery, &relay->deliveries.list, link) {
        if (delivery->state == DELIVERY_RESTING && !core_gate_before(delivery) &&
            (all || !attempt_is_to_blame(delivery)))
            attempt_end_rest(delivery);
    }
}

/* Where no untried event can be the model's probe, the first one that rests before the gate is. */
static void attempt_probe_with_tried(struct model *model)
{
    struct relay *relay = model->relay;
    struct delivery *delivery;

    if (!lanes_would_start(&relay->lanes, &model->lanes))
        return;
    TAILQ_FOREACH (delivery, &relay->deliveries.list, link) {
        if (delivery->state == DELIVERY_RESTING && delivery->model == model &&
            core_gate_before(delivery)) {
            attempt_end_rest(delivery);
            return;
        }
    }
}

void attempt_probe(struct relay *relay)
{
    struct model *model;

    attempt_wake(relay, true);
    gate_probe(&relay->gate);
    TAILQ_FOREACH (model, &relay->models.list, link) {
        gate_probe(&model->gate);
        attempt_probe_with_tried(model);
    }
}

/*
 * When the event may go again. An event that is itself to blame waits by its own backoff. Before a
 * closed gate any other event waits for the gate's timer and a little longer, so that an event
 * which has not failed is the next probe.
 */
static int64_t attempt_rest_until_ms(const struct delivery *delivery, const struct verdict *verdict)
{
    const struct gate *gate = core_gate_before(delivery);

    if (gate && gate->state == GATE_CLOSED && !attempt_is_to_blame(delivery))
        return gate->due_ms + ATTEMPT_AFTER_PROBE_MS;
    return loop_now_ms(delivery->relay->loop) +
           backoff_ms(delivery->attempts, verdict->pressure == VERDICT_OVERLOAD,
                      verdict->retry_after_ms, delivery->relay->dice);
}

static void attempt_rest(struct delivery *delivery, int64_t until_ms)
{
    struct relay *relay = delivery->relay;

    delivery_enter(delivery, DELIVERY_RESTING);
    lanes_rest(&relay->lanes, &delivery->place);
    delivery->timer = (struct loop_timer){.fn = attempt_rested, .ctx = delivery};
    loop_timer_set(relay->loop, &delivery->timer, until_ms);
    core_ask_pump(relay); /* other lanes may use the slot */
}

/* ---- answers ---- */

/* Convex has not taken the event, and may take it later. */
static void attempt_try_again(struct delivery *delivery, const struct verdict *verdict)
{
    struct span reason = buf_span(&verdict->message);

    if (reason.len > CORE_REASON_MAX)
        reason.len = CORE_REASON_MAX;
    delivery->reason.len = 0;
    (void)buf_append_span(&delivery->reason, reason);
    if (delivery_is_forsaken(delivery)) {
        core_finish(delivery);
        return;
    }
    if (age_is_over(delivery)) {
        age_bury(delivery);
        return;
    }
    settle_note_failure(delivery);
    attempt_rest(delivery, attempt_rest_until_ms(delivery, verdict));
}

static void attempt_fail_unkept(struct delivery *delivery, const struct verdict *verdict)
{
    struct log_sum *sum = &delivery->model->failures;

    if (log_sum_first(sum))
        log_warn(sum->message, "request", ticket_request_id(&delivery->ticket), "model",
                 delivery->model->name, "outcome", verdict_outcome_name(verdict->outcome), "cause",
                 verdict->cause, "reason", verdict->detail);
    settle_bury(delivery, REPLY_FAILED, buf_span(&verdict->message));
}

static void attempt_failed(struct delivery *delivery, const struct verdict *verdict)
{
    if (!delivery->relay->outbox)
        attempt_fail_unkept(delivery, verdict);
    else if (verdict->outcome == VERDICT_REJECTED)
        settle_bury(delivery, REPLY_FAILED, buf_span(&verdict->message));
    else
        attempt_try_again(delivery, verdict);
}

/* Counts, /status and the debug log of an attempt. */
static void attempt_note(const struct delivery *delivery, const struct learn_attempt *attempt,
                         const struct verdict *verdict)
{
    struct relay *relay = delivery->relay;
    int64_t now_ms = loop_now_ms(relay->loop);

    relay->outcomes[verdict->outcome]++;
    if (verdict->outcome != VERDICT_DONE)
        model_note_error(delivery->model, verdict, now_ms);
    if (log_enabled(LOG_DEBUG))
        log_debug("attempt", "request", ticket_request_id(&delivery->ticket), "id",
                  log_number(delivery->id), "model", delivery->model->name, "n",
                  log_number(delivery->attempts), "outcome", verdict_outcome_name(verdict->outcome),
                  "cause", verdict->cause, "reason", verdict->detail, "ms",
                  log_number(now_ms - attempt->began_ms));
}

/* Some failures may pass, but not for ever: after tries_max of them the event is rejected. */
static void attempt_lose_patience(struct delivery *delivery, struct verdict *verdict)
{
    if (verdict->tries_max > 0 && ++delivery->strikes >= verdict->tries_max)
        verdict->outcome = VERDICT_REJECTED;
}

static void attempt_judge(struct delivery *delivery, const struct learn_attempt *attempt,
                          struct verdict *verdict)
{
    attempt_lose_patience(delivery, verdict);
    attempt_note(delivery, attempt, verdict);
    if (learn_from(delivery, attempt, verdict))
        attempt_wake(delivery->relay, false);
    if (verdict->outcome == VERDICT_DONE)
        settle_delivered(delivery);
    else
        attempt_failed(delivery, verdict);
}

/* Convex was never asked, for lack of memory or the like. The event is tried again, but gates and
 * limits learn nothing from that. */
static void attempt_not_sent(struct delivery *delivery, const struct learn_attempt *attempt)
{
    struct verdict verdict = {.outcome = VERDICT_AGAIN,
                              .scope = VERDICT_ROUTE,
                              .retry_after_ms = -1,
                              .cause = "out of resources"};

    (void)buf_append_span(&verdict.message, SPAN("fetch failed"));
    attempt_note(delivery, attempt, &verdict);
    attempt_failed(delivery, &verdict);
    buf_done(&verdict.message);
}

static int attempt_send(struct attempt *attempt);

static void attempt_answered(struct call *call, const struct answer *answer)
{
    struct attempt *attempt = container_of(call, struct attempt, call);
    struct delivery *delivery = attempt->delivery;
    struct relay *relay = delivery->relay;
    struct verdict verdict = {0};

    /* A reload has brought another transport meanwhile, maybe with the right certificates. */
    if (answer->kind == ANSWER_NOT_SENT && call->transport != relay->transport &&
        relay->phase < RELAY_FINISHING && attempt_send(attempt) == 0)
        return;
    histogram_add(&relay->convex_duration, loop_now_ms(relay->loop) - attempt->learn.began_ms);
    struct learn_attempt learn = attempt_end(attempt);
    if (verdict_read(answer, &verdict))
        attempt_not_sent(delivery, &learn);
    else
        attempt_judge(delivery, &learn, &verdict);
    buf_done(&verdict.message);
    core_ask_pump(relay);
}

/* ---- starts ---- */

/* Makes the arguments for the model's present route, which a reload may have changed. 0, or an
 * outcome of args_make(). */
static int attempt_make_args(struct delivery *delivery, struct buf *message)
{
    if (delivery->made_for == delivery->model->generation)
        return 0;
    buf_done(&delivery->event.rewritten);
    int r = args_make(delivery->model->route, &delivery->event, message);
    if (r == 0)
        delivery->made_for = delivery->model->generation;
    delivery_count_bytes(delivery);
    return r;
}

static int attempt_send(struct attempt *attempt)
{
    const struct delivery *delivery = attempt->delivery;
    const struct route *route = delivery->model->route;
    bool remove = delivery->event.remove && route->remove;

    attempt->before_args.len = 0;
    int r = mutation_before_args(remove ? route->remove : route->mutation, &attempt->before_args);
    if (r)
        return r;
    attempt->call = (struct call){
        .body = {buf_span(&attempt->before_args), delivery->event.args, MUTATION_AFTER_ARGS},
        .request_id = ticket_request_id(&delivery->ticket),
        .done = attempt_answered,
    };
    return transport_start(delivery->relay->transport, &attempt->call);
}

/* Events that have failed before may take long to fail again: half of the room is for others. */
static bool attempt_is_for_others(const struct delivery *delivery)
{
    const struct relay *relay = delivery->relay;
    int of_model = delivery->model->lanes.limit;
    int room = of_model < relay->lanes.limit ? of_model : relay->lanes.limit;

    return delivery->blame.first && relay->suspects > 0 && relay->suspects >= room / 2;
}

/* The event rests for as long again as the suspects in flight have taken so far. */
static void attempt_stand_aside(struct delivery *delivery)
{
    int64_t now_ms = loop_now_ms(delivery->relay->loop);
    int64_t wait_ms = now_ms - delivery->relay->suspect_ms;

    if (wait_ms < ATTEMPT_ASIDE_MIN_MS)
        wait_ms = ATTEMPT_ASIDE_MIN_MS;
    else if (wait_ms > ATTEMPT_ASIDE_MAX_MS)
        wait_ms = ATTEMPT_ASIDE_MAX_MS;
    attempt_rest(delivery, now_ms + wait_ms);
}

static void attempt_begin(struct delivery *delivery, bool has_args)
{
    struct relay *relay = delivery->relay;
    struct attempt *attempt = attempt_new(delivery);
    struct learn_attempt learn = {.began_ms = loop_now_ms(relay->loop)};

    delivery_enter(delivery, DELIVERY_IN_FLIGHT);
    delivery->attempts++;
    delivery->tried_ms = clock_wall_ms(loop_clock(relay->loop));
    if (attempt && has_args && attempt_send(attempt) == 0)
        return;
    if (attempt)
        learn = attempt_end(attempt);
    attempt_not_sent(delivery, &learn);
}

/* The event heads its lane, and lanes_start() has given it a slot. */
static void attempt_start(struct delivery *delivery)
{
    cleanup(buf_done) struct buf message = BUF_NULL;

    /* Whatever the event waits for calls lanes_ready(). */
    if (delivery->state != DELIVERY_WAITING || settle_is_disk_first(delivery)) {
        lanes_rest(&delivery->relay->lanes, &delivery->place);
        return;
    }
    if (attempt_is_for_others(delivery)) {
        attempt_stand_aside(delivery);
        return;
    }
    /* An event without an attempt, such as a replay that a restart interrupted, gets one. */
    if (delivery->attempts > 0 && age_is_over(delivery)) {
        age_bury(delivery);
        return;
    }
    int r = attempt_make_args(delivery, &message);
    if (r > 0)
        settle_bury(delivery, REPLY_FAILED, buf_span(&message));
    else
        attempt_begin(delivery, r == 0);
}

void attempt_start_all(struct relay *relay)
{
    struct lane_place *place;

    while ((place = lanes_start(&relay->lanes)))
        attempt_start(container_of(place, struct delivery, place));
}
