/* SPDX-License-Identifier: MIT */
/*
 * Without an outbox there is one attempt, and its answer is the sender's. With one, an event that
 * was not taken rests: before a gate that has closed, until the gate opens or probes; else by the
 * backoff.
 */
#include "relay/outcome.h"

#include "base/log.h"
#include "convex/backoff.h"
#include "relay/age.h"
#include "relay/core.h"
#include "relay/learn.h"
#include "relay/settle.h"

enum {
    OUTCOME_AFTER_PROBE_MS = 100, /* an event that has failed rests so long past the probe */
    OUTCOME_ASIDE_MS = 1000,      /* and so long, where others go first */
};

/* ---- rests ---- */

static void outcome_end_rest(struct delivery *delivery)
{
    delivery_enter(delivery, DELIVERY_WAITING);
    lanes_ready(&delivery->relay->lanes, &delivery->place);
    core_ask_pump(delivery->relay);
}

static bool outcome_is_to_blame(const struct delivery *delivery)
{
    return delivery->blame.own || delivery->model_blame.own;
}

/*
 * The timer of a resting event. Before a gate that is not open, an event that has failed may be the
 * probe only where no other event can: it may fail even if Convex is well.
 */
static void outcome_rested(void *ctx)
{
    struct delivery *delivery = ctx;
    struct relay *relay = delivery->relay;
    const struct gate *gate = core_gate_before(delivery);

    if (gate && !lanes_would_start(&relay->lanes, &delivery->model->lanes)) {
        int64_t at_ms = loop_now_ms(relay->loop) + OUTCOME_ASIDE_MS;
        if (at_ms < gate->due_ms + OUTCOME_AFTER_PROBE_MS)
            at_ms = gate->due_ms + OUTCOME_AFTER_PROBE_MS;
        loop_timer_set(relay->loop, &delivery->timer, at_ms);
        return;
    }
    outcome_end_rest(delivery);
}

void outcome_rest(struct delivery *delivery, int64_t until_ms)
{
    struct relay *relay = delivery->relay;

    delivery_enter(delivery, DELIVERY_RESTING);
    lanes_rest(&relay->lanes, &delivery->place);
    delivery->timer = (struct loop_timer){.fn = outcome_rested, .ctx = delivery};
    loop_timer_set(relay->loop, &delivery->timer, until_ms);
    core_ask_pump(relay); /* other lanes may use the slot */
}

/* Events that rest, and are before no gate any more, may go. all: also events that are themselves
 * to blame, and would otherwise wait for the end of a backoff. */
static void outcome_wake_some(struct relay *relay, bool all)
{
    struct delivery *delivery;

    TAILQ_FOREACH (delivery, &relay->deliveries.list, link) {
        if (delivery->state == DELIVERY_RESTING && !core_gate_before(delivery) &&
            (all || !outcome_is_to_blame(delivery)))
            outcome_end_rest(delivery);
    }
}

void outcome_wake(struct relay *relay)
{
    outcome_wake_some(relay, false);
}

/* Where no untried event can be the model's probe, the first one that rests before the gate is. */
static void outcome_probe_with_tried(struct model *model)
{
    struct relay *relay = model->relay;
    struct delivery *delivery;

    if (!lanes_would_start(&relay->lanes, &model->lanes))
        return;
    TAILQ_FOREACH (delivery, &relay->deliveries.list, link) {
        if (delivery->state == DELIVERY_RESTING && delivery->model == model &&
            core_gate_before(delivery)) {
            outcome_end_rest(delivery);
            return;
        }
    }
}

void outcome_probe(struct relay *relay)
{
    struct model *model;

    outcome_wake_some(relay, true);
    gate_probe(&relay->gate);
    TAILQ_FOREACH (model, &relay->models.list, link) {
        gate_probe(&model->gate);
        outcome_probe_with_tried(model);
    }
}

/*
 * When the event may go again. An event that is to blame waits by a backoff of its own. Before a
 * closed gate any other event waits for the gate's timer and a little longer, so that an event
 * which has not failed is the next probe.
 */
static int64_t outcome_rest_until_ms(const struct delivery *delivery, const struct verdict *verdict)
{
    const struct gate *gate = core_gate_before(delivery);

    if (gate && gate->state == GATE_CLOSED && !outcome_is_to_blame(delivery))
        return gate->due_ms + OUTCOME_AFTER_PROBE_MS;
    return loop_now_ms(delivery->relay->loop) +
           backoff_ms(delivery->attempts, verdict->pressure == VERDICT_OVERLOAD,
                      verdict->retry_after_ms, delivery->relay->dice);
}

/* ---- what becomes of the event ---- */

/* Convex has not taken the event, and may take it later. */
static void outcome_try_again(struct delivery *delivery, const struct verdict *verdict)
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
    outcome_rest(delivery, outcome_rest_until_ms(delivery, verdict));
}

static void outcome_fail_unkept(struct delivery *delivery, const struct verdict *verdict)
{
    struct log_sum *sum = &delivery->model->failures;

    if (log_sum_first(sum))
        log_warn(sum->message, "request", ticket_request_id(&delivery->ticket), "model",
                 delivery->model->name, "outcome", verdict_outcome_name(verdict->outcome), "cause",
                 verdict->cause, "reason", verdict->detail);
    settle_bury(delivery, REPLY_FAILED, buf_span(&verdict->message));
}

void outcome_apply(struct delivery *delivery, const struct verdict *verdict)
{
    if (verdict->outcome == VERDICT_DONE)
        settle_delivered(delivery);
    else if (!delivery->relay->outbox)
        outcome_fail_unkept(delivery, verdict);
    else if (verdict->outcome == VERDICT_REJECTED)
        settle_bury(delivery, REPLY_FAILED, buf_span(&verdict->message));
    else
        outcome_try_again(delivery, verdict);
}

void outcome_note(struct delivery *delivery, int64_t began_ms, struct verdict *verdict)
{
    struct relay *relay = delivery->relay;
    int64_t now_ms = loop_now_ms(relay->loop);

    if (verdict->tries_max > 0 && ++delivery->strikes >= verdict->tries_max)
        verdict->outcome = VERDICT_REJECTED;
    relay->outcomes[verdict->outcome]++;
    if (verdict->outcome != VERDICT_DONE)
        model_note_error(delivery->model, verdict, now_ms);
    if (log_enabled(LOG_DEBUG))
        log_debug("attempt", "request", ticket_request_id(&delivery->ticket), "id",
                  log_number(delivery->id), "model", delivery->model->name, "n",
                  log_number(delivery->attempts), "outcome", verdict_outcome_name(verdict->outcome),
                  "cause", verdict->cause, "reason", verdict->detail, "ms",
                  log_number(now_ms - began_ms));
}

void outcome_learn(struct delivery *delivery, const struct learn_attempt *attempt,
                   const struct verdict *verdict)
{
    if (learn_from(delivery, attempt, verdict))
        outcome_wake(delivery->relay);
}

void outcome_unsent(struct delivery_list *deliveries, int64_t began_ms)
{
    struct verdict verdict = {.outcome = VERDICT_AGAIN,
                              .scope = VERDICT_ROUTE,
                              .retry_after_ms = -1,
                              .cause = "out of resources"};
    struct delivery *delivery;

    (void)buf_append_span(&verdict.message, SPAN("fetch failed"));
    while ((delivery = TAILQ_FIRST(deliveries))) {
        TAILQ_REMOVE(deliveries, delivery, beside);
        outcome_note(delivery, began_ms, &verdict);
        outcome_apply(delivery, &verdict);
    }
    buf_done(&verdict.message);
}

void outcome_void(struct delivery *delivery)
{
    delivery->attempts--;
    if (delivery_is_forsaken(delivery))
        core_finish(delivery);
    else
        outcome_end_rest(delivery);
}
