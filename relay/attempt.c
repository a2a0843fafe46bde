/* SPDX-License-Identifier: MIT */
/*
 * What is sent, and when.
 *
 * Where several events of a model are ready and the model has a batch function, their heads go in
 * one call, which takes one slot. Nothing waits for company: an event that is ready alone goes
 * alone, by the single mutation. So do removals, and events that may be why a batch has failed
 * (delivery.company).
 */
#include "relay/attempt.h"

#include <errno.h>

#include "base/error.h"
#include "base/log.h"
#include "convex/mutation.h"
#include "handlers/args.h"
#include "relay/age.h"
#include "relay/batch_outcome.h"
#include "relay/clock_hold.h"
#include "relay/core.h"
#include "relay/learn.h"
#include "relay/outcome.h"
#include "relay/settle.h"

enum {
    ATTEMPT_ASIDE_MIN_MS = 20,
    ATTEMPT_ASIDE_MAX_MS = 1000,
    ATTEMPT_BATCH_BYTES_MAX = 1024 * 1024, /* of the arguments of one call */
    ATTEMPT_KEPT_BYTES_MAX = 16 * 1024,    /* of a buffer, for later attempts */
};

struct attempt {
    struct relay *relay;
    struct model *model;
    struct delivery_list deliveries; /* linked by delivery.beside */
    int count;
    size_t args_bytes; /* of all of them */
    struct call call;
    struct buf before; /* of the call's body: what stands before the event's arguments; of a batch,
                          all but the end */
    struct buf after;  /* what stands behind the arguments */
    struct learn_attempt learn;
    bool suspect;         /* the event has failed before: the attempt counts in relay.suspects */
    struct attempt *next; /* in relay.attempts_free */
};

/* ---- attempts ---- */

static void attempt_add(struct attempt *attempt, struct delivery *delivery)
{
    TAILQ_INSERT_TAIL(&attempt->deliveries, delivery, beside);
    delivery->attempt = attempt;
    attempt->count++;
    attempt->args_bytes += delivery->event.args.len + 1;
}

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
    attempt->relay = relay;
    attempt->model = delivery->model;
    TAILQ_INIT(&attempt->deliveries);
    attempt->count = 0;
    attempt->args_bytes = 0;
    attempt->suspect = delivery->blame.first > 0;
    attempt->learn = (struct learn_attempt){.number = limit_begin(&delivery->model->limit),
                                            .began_ms = loop_now_ms(relay->loop)};
    if (attempt->suspect) {
        relay->suspects++;
        relay->suspect_ms = attempt->learn.began_ms;
    }
    attempt_add(attempt, delivery);
    return attempt;
}

static void attempt_shrink(struct buf *buf)
{
    if (buf->cap > ATTEMPT_KEPT_BYTES_MAX)
        buf_done(buf);
    buf->len = 0;
}

/* The attempt is over. Its deliveries move to the list, in the same order. Returns what
 * learn_from() wants to know. */
static struct learn_attempt attempt_end(struct attempt *attempt, struct delivery_list *deliveries)
{
    struct relay *relay = attempt->relay;
    struct delivery *delivery;

    TAILQ_INIT(deliveries);
    TAILQ_CONCAT(deliveries, &attempt->deliveries, beside);
    TAILQ_FOREACH (delivery, deliveries, beside)
        delivery->attempt = NULL;
    relay->suspects -= attempt->suspect;
    attempt_shrink(&attempt->before);
    attempt_shrink(&attempt->after);
    attempt->next = relay->attempts_free;
    relay->attempts_free = attempt;
    return attempt->learn;
}

void attempt_cancel(struct delivery *delivery)
{
    struct delivery_list deliveries;

    if (!delivery->attempt)
        return;
    transport_cancel(&delivery->attempt->call);
    (void)attempt_end(delivery->attempt, &deliveries);
}

void attempt_done(struct relay *relay)
{
    struct attempt *attempt;

    while ((attempt = relay->attempts_free)) {
        relay->attempts_free = attempt->next;
        buf_done(&attempt->before);
        buf_done(&attempt->after);
        free(attempt);
    }
}

/* ---- the call ---- */

static int attempt_write_single(struct attempt *attempt)
{
    const struct delivery *delivery = TAILQ_FIRST(&attempt->deliveries);
    const struct route *route = attempt->model->route;
    bool remove = delivery->event.remove && route->remove;
    struct span args = delivery->event.args;

    int r = mutation_before_args(remove ? route->remove : route->mutation, &attempt->before);
    if (r == 0 && route->sequence)
        r = mutation_add_number(&args, route->sequence, delivery->id, &attempt->after);
    if (r == 0)
        r = buf_append_span(&attempt->after, MUTATION_AFTER_ARGS);
    if (r == 0)
        attempt->call = (struct call){
            .body = {buf_span(&attempt->before), args, buf_span(&attempt->after)},
            .request_id = ticket_request_id(&delivery->ticket),
        };
    return r;
}

static int attempt_write_item(struct attempt *attempt, const struct delivery *delivery)
{
    const char *sequence = attempt->model->route->sequence;
    struct span args = delivery->event.args;
    int r = 0;

    attempt->after.len = 0;
    if (sequence)
        r = mutation_add_number(&args, sequence, delivery->id, &attempt->after);
    if (r == 0 && delivery != TAILQ_FIRST(&attempt->deliveries))
        r = buf_append_char(&attempt->before, ',');
    if (r == 0)
        r = buf_append_span(&attempt->before, args);
    return r ? r : buf_append_span(&attempt->before, buf_span(&attempt->after));
}

/* The items are copied: they are small, and a call has one for each event of the batch. */
static int attempt_write_batch(struct attempt *attempt)
{
    const struct route_batch *batch = &attempt->model->route->batch;
    const struct delivery *delivery;

    int r = mutation_before_items(batch->mutation, batch->argument, &attempt->before);
    TAILQ_FOREACH (delivery, &attempt->deliveries, beside)
        r = r ? r : attempt_write_item(attempt, delivery);
    if (r == 0)
        attempt->call =
            (struct call){.body = {buf_span(&attempt->before), SPAN(""), MUTATION_AFTER_ITEMS}};
    return r;
}

static void attempt_answered(struct call *call, const struct answer *answer);

static int attempt_send(struct attempt *attempt)
{
    if (attempt->count > 1 && !attempt->model->route->batch.mutation)
        return -ENOTSUP; /* a reload has taken the function away meanwhile */
    attempt->before.len = 0;
    attempt->after.len = 0;
    int r = attempt->count > 1 ? attempt_write_batch(attempt) : attempt_write_single(attempt);
    if (r)
        return r;
    attempt->call.done = attempt_answered;
    return transport_start(attempt->relay->transport, &attempt->call);
}

/* ---- what comes of it ---- */

static void attempt_judge(struct delivery *delivery, const struct learn_attempt *learn,
                          struct verdict *verdict)
{
    outcome_note(delivery, learn->began_ms, verdict);
    outcome_learn(delivery, learn, verdict);
    outcome_apply(delivery, verdict);
}

static void attempt_judge_single(struct delivery_list *deliveries,
                                 const struct learn_attempt *learn, const struct answer *answer)
{
    struct verdict verdict = {0};

    if (verdict_read(answer, &verdict))
        outcome_unsent(deliveries, learn->began_ms);
    else
        attempt_judge(TAILQ_FIRST(deliveries), learn, &verdict);
    buf_done(&verdict.message);
}

static void attempt_answered(struct call *call, const struct answer *answer)
{
    struct attempt *attempt = container_of(call, struct attempt, call);
    struct relay *relay = attempt->relay;
    struct model *model = attempt->model;
    int count = attempt->count;
    struct delivery_list deliveries;

    clock_hold_answered(relay, answer, attempt->learn.began_ms);
    /* A reload has brought another transport meanwhile, maybe with the right certificates. */
    if (answer->kind == ANSWER_NOT_SENT && call->transport != relay->transport &&
        relay->phase < RELAY_FINISHING && attempt_send(attempt) == 0)
        return;
    histogram_add(&relay->convex_duration, loop_now_ms(relay->loop) - attempt->learn.began_ms);
    struct learn_attempt learn = attempt_end(attempt, &deliveries);
    if (count > 1) {
        sizes_add(&relay->batch_sizes, count);
        batch_outcome(model, &deliveries, count, &learn, answer);
    } else {
        attempt_judge_single(&deliveries, &learn, answer);
    }
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
    outcome_rest(delivery, now_ms + wait_ms);
}

/* Makes the event's arguments. False: they cannot be made, and the event is settled or rests. */
static bool attempt_prepare(struct delivery *delivery)
{
    cleanup(buf_done) struct buf message = BUF_NULL;
    int r = attempt_make_args(delivery, &message);

    if (r > 0)
        settle_bury(delivery, REPLY_FAILED, buf_span(&message));
    else if (r < 0)
        outcome_rest(delivery, loop_now_ms(delivery->relay->loop) + ATTEMPT_ASIDE_MAX_MS);
    return r == 0;
}

/* Whether the event, which heads its lane and has a slot, is sent now. False: the event is settled
 * or rests, and lanes_ready() is called at the end of the wait. */
static bool attempt_may_go(struct delivery *delivery)
{
    if (delivery->state != DELIVERY_WAITING || settle_is_disk_first(delivery)) {
        lanes_rest(&delivery->relay->lanes, &delivery->place);
        return false;
    }
    if (attempt_is_for_others(delivery)) {
        attempt_stand_aside(delivery);
        return false;
    }
    /* An event without an attempt, such as a replay that a restart interrupted, gets one. */
    if (delivery->attempts > 0 && age_is_over(delivery)) {
        age_bury(delivery);
        return false;
    }
    return attempt_prepare(delivery);
}

static void attempt_begin_delivery(struct delivery *delivery)
{
    delivery_enter(delivery, DELIVERY_IN_FLIGHT);
    delivery->attempts++;
    delivery->tried_ms = clock_wall_ms(loop_clock(delivery->relay->loop));
}

/* Whether the event goes by the single mutation: it removes, or may be why an attempt failed. */
static bool attempt_is_alone(const struct delivery *delivery)
{
    return delivery->event.remove || delivery->company == 1 || delivery->blame.first > 0;
}

static bool attempt_takes_along(const struct attempt *attempt, const struct delivery *delivery)
{
    const struct delivery *first = TAILQ_FIRST(&attempt->deliveries);

    return !attempt_is_alone(delivery) && delivery->company == first->company &&
           attempt->args_bytes + delivery->event.args.len < ATTEMPT_BATCH_BYTES_MAX;
}

/* Takes ready heads of the same model along, in the order in which they would go. */
static void attempt_gather(struct attempt *attempt)
{
    const struct delivery *first = TAILQ_FIRST(&attempt->deliveries);
    struct model *model = attempt->model;
    int size = batching_size(&model->batching, attempt->learn.began_ms);
    struct lane_place *place;

    if (attempt_is_alone(first))
        return;
    if (first->company > 0 && first->company < size)
        size = first->company;
    while (attempt->count < size && (place = lanes_next(&model->lanes))) {
        struct delivery *delivery = container_of(place, struct delivery, place);
        if (!attempt_takes_along(attempt, delivery))
            return;
        lanes_go_along(&attempt->relay->lanes, place);
        if (attempt_may_go(delivery)) {
            attempt_add(attempt, delivery);
            attempt_begin_delivery(delivery);
        }
    }
}

/* The event heads its lane, and has a slot from lanes_start(). */
static void attempt_start(struct delivery *delivery)
{
    struct delivery_list deliveries = TAILQ_HEAD_INITIALIZER(deliveries);
    int64_t began_ms = loop_now_ms(delivery->relay->loop);

    if (!attempt_may_go(delivery))
        return;
    struct attempt *attempt = attempt_new(delivery);
    attempt_begin_delivery(delivery);
    if (!attempt) {
        TAILQ_INSERT_TAIL(&deliveries, delivery, beside);
    } else {
        attempt_gather(attempt);
        if (attempt_send(attempt) == 0)
            return;
        (void)attempt_end(attempt, &deliveries);
    }
    outcome_unsent(&deliveries, began_ms);
}

void attempt_start_all(struct relay *relay)
{
    struct lane_place *place;

    while ((place = lanes_start(&relay->lanes)))
        attempt_start(container_of(place, struct delivery, place));
}
