/* SPDX-License-Identifier: MIT */
/*
 * A delivery's states.
 *
 *   STORING --stored, with a place in memory--> WAITING; --stored without, refused--> gone
 *   FETCHING --taken--> WAITING; --refused, stale--> gone
 *   WAITING --lanes_start--> IN_FLIGHT --done, rejected--> SETTLING --written--> gone
 *                                '--again, held--> RESTING --timer, gate--> WAITING
 *   WAITING --events that have not failed go first--> RESTING
 *   WAITING, RESTING --too old--> SETTLING; --told 503--> gone
 *
 * The sender is answered when Convex has taken the event (200) or when the letter is written (500);
 * or else after SYNC_WAIT_MS: 202 once the event is on disk, 503 once the disk has refused it.
 */
#include "relay/delivery.h"

#include <assert.h>

#include "base/allocator.h"

/* For each state, the states that may follow. */
static const unsigned delivery_moves[DELIVERY_STATES_] = {
    [DELIVERY_STORING] = 1U << DELIVERY_WAITING,
    [DELIVERY_FETCHING] = 1U << DELIVERY_WAITING,
    [DELIVERY_WAITING] =
        1U << DELIVERY_IN_FLIGHT | 1U << DELIVERY_RESTING | 1U << DELIVERY_SETTLING,
    [DELIVERY_IN_FLIGHT] =
        1U << DELIVERY_WAITING | 1U << DELIVERY_RESTING | 1U << DELIVERY_SETTLING,
    [DELIVERY_RESTING] = 1U << DELIVERY_WAITING | 1U << DELIVERY_SETTLING,
    [DELIVERY_SETTLING] = 0,
};

void deliveries_init(struct deliveries *deliveries, struct relay *relay, struct loop *loop,
                     struct tickets *tickets, struct allocator *allocator)
{
    *deliveries = (struct deliveries){
        .relay = relay, .loop = loop, .tickets = tickets, .allocator = allocator};
    TAILQ_INIT(&deliveries->list);
}

void delivery_enter(struct delivery *delivery, enum delivery_state state)
{
    assert(delivery_moves[delivery->state] >> state & 1U);
    (void)delivery_moves; /* without assertions nothing reads the table */
    loop_timer_clear(delivery->all->loop, &delivery->timer);
    delivery->state = state;
}

static void delivery_set_bytes(struct delivery *delivery, size_t bytes)
{
    struct deliveries *all = delivery->all;
    size_t unstored_bytes = delivery->row == DELIVERY_ROW_STORED ? 0 : bytes;

    if (delivery->ticket.parcel && delivery->row != DELIVERY_ROW_STORED)
        unstored_bytes += sizeof(*delivery); /* a parcel may have thousands of small events */
    all->bytes += bytes - delivery->bytes;
    all->unstored_bytes += unstored_bytes - delivery->unstored_bytes;
    delivery->bytes = bytes;
    delivery->unstored_bytes = unstored_bytes;
}

void delivery_count_bytes(struct delivery *delivery)
{
    delivery_set_bytes(delivery, delivery->event.body.cap + delivery->event.rewritten.cap);
}

void delivery_set_row(struct delivery *delivery, enum delivery_row row)
{
    delivery->row = row;
    delivery_count_bytes(delivery);
}

struct delivery *delivery_new(struct deliveries *deliveries, struct event *event,
                              struct request *request)
{
    struct delivery *delivery = allocator_alloc(deliveries->allocator, sizeof(*delivery));

    if (!delivery)
        return NULL;
    delivery->relay = deliveries->relay;
    delivery->all = deliveries;
    delivery->state = DELIVERY_WAITING;
    delivery->event = *event;
    delivery->since_ms = loop_now_ms(deliveries->loop);
    *event = (struct event){0};
    ticket_open(&delivery->ticket, request);
    delivery_count_bytes(delivery);
    deliveries->count++;
    TAILQ_INSERT_TAIL(&deliveries->list, delivery, link);
    return delivery;
}

struct delivery *delivery_free(struct delivery *delivery)
{
    if (delivery) {
        struct deliveries *all = delivery->all;
        assert(!delivery->place.lane && !delivery->attempt);
        ticket_drop(all->tickets, &delivery->ticket);
        loop_timer_clear(all->loop, &delivery->timer);
        TAILQ_REMOVE(&all->list, delivery, link);
        delivery_set_bytes(delivery, 0);
        all->count--;
        event_done(&delivery->event);
        buf_done(&delivery->message);
        buf_done(&delivery->reason);
        buf_done(&delivery->noted);
        free(delivery);
    }
    return NULL;
}

void delivery_open_place(struct delivery *delivery, struct parcel *parcel, size_t place)
{
    ticket_open_place(&delivery->ticket, parcel, place);
    delivery_count_bytes(delivery);
}

void delivery_answer(struct delivery *delivery, enum reply reply, struct span message)
{
    if (delivery->ticket.state == TICKET_NONE)
        return;
    ticket_answer(delivery->all->tickets, &delivery->ticket, reply, message);
    buf_done(&delivery->message); /* may be long, and the delivery may wait long for the disk */
}

bool delivery_is_forsaken(const struct delivery *delivery)
{
    return delivery->row == DELIVERY_ROW_NONE && delivery->ticket.state == TICKET_NONE;
}
