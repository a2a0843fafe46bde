/* SPDX-License-Identifier: MIT */
/*
 * The relay: the way in, the clock's doings, start and stop.
 *
 * An event joins the lane of its record, the outbox is told to store it, and, when it heads its
 * lane and there is room, it goes to Convex at the same moment. relay_attempt.c judges the answers,
 * relay_settle.c writes what came of it, relay_backlog.c fetches what has only a place on disk.
 */
#include "relay/relay.h"

#include <errno.h>

#include "base/error.h"
#include "base/log.h"
#include "relay/delivery.h"

enum {
    RELAY_TEND_MS = 1000,
    RELAY_AGES_MS = 10 * 1000,
};

const char relay_stopping_text[] = "The relay is stopping";

/* ---- the way in ---- */

static uint64_t relay_next_id(struct relay *relay)
{
    return relay->outbox ? outbox_next_id(relay->outbox) : ++relay->next_id;
}

static void relay_accept(struct inbox *inbox, struct event *event, struct routes *routes,
                         const struct route *route, struct request *request)
{
    struct relay *relay = container_of(inbox, struct relay, inbox);
    struct relay_route *known;
    struct delivery *delivery = NULL;

    if (relay->given_up && !relay->outbox) {
        request_reply_with(request, REPLY_UNAVAILABLE, span_of(relay_stopping_text));
        return;
    }
    int r = relay_route_get(relay, routes, route, &known);
    bool spills = r == 0 && relay_must_spill(known);
    if (r == 0)
        delivery = delivery_new(relay, event, request);
    if (!delivery) {
        request_reply_with(request, REPLY_UNAVAILABLE, SPAN("Out of memory"));
        return;
    }
    delivery->route = known;
    delivery->made_for = known->generation;
    delivery->place.seq = relay_next_id(relay);
    if (spills) {
        delivery->state = DELIVERY_SPILLED;
        known->backlog = known->spilled = true;
    } else if (relay_join(delivery)) {
        delivery_reply(delivery, REPLY_UNAVAILABLE, SPAN("Out of memory"));
        delivery_free(delivery);
        return;
    } else {
        delivery_wait(delivery);
    }
    relay_store(delivery);
    relay_dispatch(relay);
}

static void relay_bury(struct inbox *inbox, struct event *event, struct span reason,
                       enum reply reply, struct request *request)
{
    struct relay *relay = container_of(inbox, struct relay, inbox);
    struct delivery *delivery = relay->outbox ? delivery_new(relay, event, request) : NULL;

    if (!delivery) {
        relay_count_unkept(relay, event->model);
        request_reply_with(request, reply, reason);
        return;
    }
    delivery->place.seq = relay_next_id(relay);
    delivery_wait(delivery);
    relay_settle_bury(delivery, reply, reason);
}

static size_t relay_held_bytes(struct inbox *inbox)
{
    const struct relay *relay = container_of(inbox, struct relay, inbox);

    return relay->unstored_bytes;
}

static const char *relay_not_ready(struct inbox *inbox)
{
    const struct relay *relay = container_of(inbox, struct relay, inbox);
    struct outbox_status status;

    if (relay->stopping)
        return relay_stopping_text;
    if (!relay->outbox)
        return NULL;
    outbox_status(relay->outbox, &status);
    if (status.failing == STORE_FULL)
        return "The outbox is full";
    if (status.failing)
        return "The outbox cannot be written";
    return status.unreadable ? "The outbox cannot be read" : NULL;
}

/* ---- what the clock brings ---- */

static void relay_answers_due(void *ctx)
{
    struct relay *relay = ctx;
    struct delivery *delivery;

    while ((delivery = TAILQ_FIRST(&relay->waiting)) &&
           delivery->answer_by_ms <= loop_now_ms(relay->loop))
        delivery_overdue(delivery);
    if (delivery)
        loop_timer_set(relay->loop, &relay->answer_timer, delivery->answer_by_ms);
}

static void relay_tend(void *ctx)
{
    struct relay *relay = ctx;
    int64_t now_ms = loop_now_ms(relay->loop);

    loop_timer_set(relay->loop, &relay->tend_timer, now_ms + RELAY_TEND_MS);
    relay->replays_failed = false;
    relay_take_up_replays(relay);
    relay_count_others_doings(relay);
    relay_page_all(relay);
    if (now_ms - relay->aged_ms >= RELAY_AGES_MS) {
        relay->aged_ms = now_ms;
        relay_age_bury_all(relay);
        relay_find_strays(relay);
    }
}

/* ---- start ---- */

static int relay_init(struct relay *relay, struct loop *loop, const struct relay_options *options)
{
    relay->inbox = (struct inbox){.accept = relay_accept,
                                  .bury = relay_bury,
                                  .not_ready = relay_not_ready,
                                  .held_bytes = relay_held_bytes,
                                  .look = relay_look};
    relay->loop = loop;
    relay->options = *options;
    relay->dice = options->dice;
    TAILQ_INIT(&relay->routes);
    TAILQ_INIT(&relay->deliveries);
    TAILQ_INIT(&relay->waiting);
    TAILQ_INIT(&relay->fated);
    TAILQ_INIT(&relay->intakes);
    relay->answer_timer = (struct loop_timer){.fn = relay_answers_due, .ctx = relay};
    relay->tend_timer = (struct loop_timer){.fn = relay_tend, .ctx = relay};
    limit_init(&relay->limit, options->concurrency);
    relay_intake_init(&relay->replays_intake, relay, true);
    gate_init(&relay->gate, &(struct gate_options){.loop = loop,
                                                   .dice = options->dice,
                                                   .in_flight = &relay->lanes.in_flight,
                                                   .gap_min_ms = RELAY_GAP_MS,
                                                   .changed = relay_gate_changed,
                                                   .ctx = relay});
    log_sum_init(&relay->blamed, loop, LOG_WARN,
                 "an event fails again and again: it waits by itself", NULL);
    log_sum_init(&relay->unrouted, loop, LOG_WARN, "dead letter", NULL);
    int r = lanes_init(&relay->lanes, options->concurrency);
    return r ? r : table_init(&relay->routes_by_model);
}

int relay_new(struct loop *loop, struct transport *transport, struct outbox *outbox,
              const struct relay_options *options, struct relay **out)
{
    struct relay *relay = calloc(1, sizeof(*relay));

    if (!relay)
        return error_origin(-ENOMEM);
    int r = relay_init(relay, loop, options);
    if (r) {
        free(relay); /* it holds nothing yet */
        return r;
    }
    relay->transport = transport;
    relay->outbox = outbox;
    if (outbox) {
        struct outbox_status status;
        outbox_status(outbox, &status);
        relay->discarded_seen = status.counts.discarded;
        relay->earlier_id = outbox_last_id(outbox);
        outbox_on_offers(outbox, relay_take_up_replays, relay);
        relay_age_begin(relay);
        loop_timer_set(loop, &relay->tend_timer, loop_now_ms(loop) + RELAY_TEND_MS);
    }
    *out = relay;
    return 0;
}

int relay_set_routes(struct relay *relay, struct routes *routes)
{
    struct relay_route *route;
    int r = relay_routes_reserve(relay, routes);

    if (r)
        return r;
    for (size_t i = 0; i < routes_count(routes); i++)
        (void)relay_route_get(relay, routes, routes_at(routes, i), &route); /* it is there */
    for (route = TAILQ_FIRST(&relay->routes); route; route = TAILQ_NEXT(route, link)) {
        if (route->routes != routes && !route->lost)
            relay_lose_route(route);
    }
    relay_take_census(relay); /* before anything of what it counts is read */
    relay_page_all(relay);
    relay_find_strays(relay);
    relay_probe(relay);
    relay_dispatch(relay);
    return 0;
}

void relay_set_transport(struct relay *relay, struct transport *transport)
{
    relay->transport = transport;
}

bool relay_loading(const struct relay *relay)
{
    const struct relay_route *route;

    for (route = TAILQ_FIRST(&relay->routes); route; route = TAILQ_NEXT(route, link)) {
        if (route->backlog && !route->looked && !route->lost)
            return !relay->given_up;
    }
    return false;
}

/* ---- stop ---- */

void relay_stopping(struct relay *relay)
{
    relay->stopping = true;
}

void relay_stop_sending(struct relay *relay)
{
    relay->sends_no_more = true;
    relay_apply_limits(relay);
}

void relay_give_up(struct relay *relay)
{
    struct delivery *delivery;

    relay->given_up = true;
    relay_stop_sending(relay);
    while ((delivery = TAILQ_FIRST(&relay->waiting)))
        delivery_overdue(delivery);
    /* Without an outbox nobody waits with a deadline, and the attempt is all there is. */
    if (!relay->outbox)
        relay_abandon(relay);
}

void relay_abandon(struct relay *relay)
{
    struct delivery *delivery;

    relay->given_up = true;
    relay_stop_sending(relay);
    for (delivery = TAILQ_FIRST(&relay->deliveries); delivery;
         delivery = TAILQ_NEXT(delivery, link))
        delivery_reply(delivery, REPLY_UNAVAILABLE, span_of(relay_stopping_text));
}

struct relay *relay_free(struct relay *relay)
{
    struct delivery *delivery;

    if (!relay)
        return NULL;
    while ((delivery = TAILQ_FIRST(&relay->deliveries))) {
        if (delivery->state == DELIVERY_FLYING)
            transport_cancel(&delivery->call);
        if (delivery->place.lane)
            lanes_leave(&relay->lanes, &delivery->place);
        delivery_free(delivery);
    }
    relay_intake_done(&relay->replays_intake);
    gate_done(&relay->gate);
    log_sum_done(&relay->blamed);
    log_sum_done(&relay->unrouted);
    loop_timer_clear(relay->loop, &relay->answer_timer);
    loop_timer_clear(relay->loop, &relay->tend_timer);
    loop_timer_clear(relay->loop, &relay->intake_again);
    relay_routes_free(relay);
    buf_done(&relay->strays.model);
    free(relay->census.models);
    lanes_done(&relay->lanes);
    free(relay);
    return NULL;
}

struct inbox *relay_inbox(struct relay *relay)
{
    return &relay->inbox;
}

size_t relay_pending(const struct relay *relay)
{
    return relay->count;
}

int relay_in_flight(const struct relay *relay)
{
    return relay->lanes.in_flight;
}
