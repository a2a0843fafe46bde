/* SPDX-License-Identifier: MIT */
/*
 * One event on its way.
 *
 *   SPILLED --stored or not--> gone
 *   WAITING --lanes_start--> FLYING --done, rejected--> SETTLING --written--> gone
 *                              |  '--again, held--> RESTING --timer--> WAITING
 *   WAITING, RESTING --too old--> SETTLING; --told 503--> gone
 *
 * The answer is due at once when Convex has taken the event (200), when a dead letter is written
 * (500), or else after SYNC_WAIT_MS: 202 once the event is on disk, 503 once it is known that it
 * will not be.
 */
#include "relay/delivery.h"

#include <assert.h>

#include "base/log.h"

/* A row for each state: the states that it may be left for. */
static const unsigned delivery_moves[DELIVERY_STATES_] = {
    [DELIVERY_SPILLED] = 0,
    [DELIVERY_WAITING] = 1U << DELIVERY_FLYING | 1U << DELIVERY_SETTLING,
    [DELIVERY_FLYING] = 1U << DELIVERY_RESTING | 1U << DELIVERY_SETTLING,
    [DELIVERY_RESTING] = 1U << DELIVERY_WAITING | 1U << DELIVERY_SETTLING,
    [DELIVERY_SETTLING] = 0,
};

void delivery_begin_early(struct delivery *delivery)
{
    delivery->early = true;
    delivery->route->early++;
}

void delivery_end_early(struct delivery *delivery)
{
    if (delivery->early)
        delivery->route->early--;
    delivery->early = false;
}

void delivery_begin_suspect(struct delivery *delivery)
{
    delivery->suspect = true;
    delivery->relay->suspects++;
    delivery->relay->suspect_ms = loop_now_ms(delivery->relay->loop);
}

static void delivery_end_suspect(struct delivery *delivery)
{
    if (delivery->suspect)
        delivery->relay->suspects--;
    delivery->suspect = false;
}

void delivery_enter(struct delivery *delivery, enum delivery_state state)
{
    assert(delivery_moves[delivery->state] >> state & 1U);
    (void)delivery_moves;
    loop_timer_clear(delivery->relay->loop, &delivery->timer);
    delivery_end_suspect(delivery);
    if (state == DELIVERY_SETTLING)
        delivery_end_early(delivery);
    delivery->state = state;
}

static void delivery_set_bytes(struct delivery *delivery, size_t bytes)
{
    struct relay *relay = delivery->relay;
    size_t unstored_bytes = delivery->stored == DELIVERY_STORED ? 0 : bytes;

    relay->bytes += bytes - delivery->bytes;
    relay->unstored_bytes += unstored_bytes - delivery->unstored_bytes;
    if (delivery->replayed)
        relay->replayed_bytes += bytes - delivery->bytes;
    delivery->bytes = bytes;
    delivery->unstored_bytes = unstored_bytes;
}

void delivery_count_bytes(struct delivery *delivery)
{
    delivery_set_bytes(delivery, delivery->event.body.cap + delivery->event.rewritten.cap);
}

void delivery_count_replayed(struct delivery *delivery)
{
    delivery->replayed = true;
    delivery->relay->replayed++;
    delivery->relay->replayed_bytes += delivery->bytes;
}

struct delivery *delivery_new(struct relay *relay, struct event *event, struct request *request)
{
    struct delivery *delivery = calloc(1, sizeof(*delivery));

    if (!delivery)
        return NULL;
    delivery->relay = relay;
    delivery->state = DELIVERY_WAITING;
    delivery->event = *event;
    delivery->since_ms = loop_now_ms(relay->loop);
    *event = (struct event){0};
    delivery->request = request;
    if (request)
        memcpy(delivery->request_id, request->id, sizeof(request->id));
    delivery_count_bytes(delivery);
    relay->count++;
    TAILQ_INSERT_TAIL(&relay->deliveries, delivery, link);
    return delivery;
}

static void delivery_stop_waiting(struct delivery *delivery)
{
    if (delivery->answer_by_ms)
        TAILQ_REMOVE(&delivery->relay->waiting, delivery, waiting);
    delivery->answer_by_ms = 0;
}

struct delivery *delivery_free(struct delivery *delivery)
{
    if (delivery) {
        struct relay *relay = delivery->relay;
        delivery_stop_waiting(delivery);
        delivery_end_suspect(delivery);
        delivery_end_early(delivery);
        loop_timer_clear(relay->loop, &delivery->timer);
        TAILQ_REMOVE(&relay->deliveries, delivery, link);
        delivery_set_bytes(delivery, 0);
        relay->count--;
        relay->replayed -= delivery->replayed;
        event_done(&delivery->event);
        buf_done(&delivery->before_args);
        buf_done(&delivery->message);
        buf_done(&delivery->reason);
        buf_done(&delivery->noted);
        free(delivery);
    }
    return NULL;
}

void delivery_reply(struct delivery *delivery, enum reply reply, struct span message)
{
    struct request *request = delivery->request;

    if (!request)
        return;
    delivery->request = NULL;
    delivery_stop_waiting(delivery);
    request_reply_with(request, reply, message);
    buf_done(&delivery->message); /* it may be long, and the disk slow or broken */
}

void delivery_wait(struct delivery *delivery)
{
    struct relay *relay = delivery->relay;

    if (!relay->outbox)
        return; /* there is nothing else to say than what Convex says */
    delivery->answer_by_ms = loop_now_ms(relay->loop);
    if (!relay->given_up) /* then what is stored has to do */
        delivery->answer_by_ms += relay->options.sync_wait_ms;
    TAILQ_INSERT_TAIL(&relay->waiting, delivery, waiting);
    if (!heap_linked(&relay->answer_timer.node))
        loop_timer_set(relay->loop, &relay->answer_timer, delivery->answer_by_ms);
}

void delivery_overdue(struct delivery *delivery)
{
    struct span reason = buf_span(&delivery->reason);

    delivery->overdue = true;
    delivery_stop_waiting(delivery);
    if (delivery->state == DELIVERY_SETTLING)
        return; /* what became of it is told as soon as it is written */
    switch (delivery->stored) {
    case DELIVERY_STORING:
        return; /* the outbox's answer brings it back here */
    case DELIVERY_STORED:
        delivery_reply(delivery, reason.len ? REPLY_QUEUED_AFTER : REPLY_QUEUED, reason);
        return;
    case DELIVERY_UNSTORED:
    case DELIVERY_UNSTORABLE:
        break;
    }
    if (delivery->request)
        delivery_reply(delivery, REPLY_UNAVAILABLE,
                       reason.len ? reason
                                  : SPAN("The event could be neither delivered nor stored"));
    delivery->doomed = true;
    if (delivery->state == DELIVERY_WAITING || delivery->state == DELIVERY_RESTING)
        relay_finish(delivery);
}
