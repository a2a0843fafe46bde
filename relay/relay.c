/* SPDX-License-Identifier: MIT */
/*
 * The relay: the way in, what happens every second, start and stop.
 *
 * An event that arrives joins the lane of its record, and the outbox is told to store the event
 * (relay/settle.h). When the event heads its lane and a slot is free, Convex is sent the event in
 * the same turn of the loop (relay/attempt.h). Events that went to disk alone come back by pages
 * (relay/backlog.h), and offers are taken in idle moments (relay/offers.h).
 */
#include "relay/relay.h"

#include <errno.h>

#include "base/error.h"
#include "base/log.h"
#include "relay/age.h"
#include "relay/attempt.h"
#include "relay/backlog.h"
#include "relay/clock_hold.h"
#include "relay/core.h"
#include "relay/intake.h"
#include "relay/learn.h"
#include "relay/offers.h"
#include "relay/pump.h"
#include "relay/routing.h"
#include "relay/settle.h"
#include "relay/snapshot_fill.h"

enum {
    RELAY_TEND_MS = 1000,
    RELAY_AWAY_MS = 2000, /* an outbox that is away for less is not shown by /readyz */
};

static struct relay *relay_of(struct inbox *inbox)
{
    return container_of(inbox, struct relay, inbox);
}

/* ---- what a reload brings ---- */

int relay_set_routes(struct relay *relay, struct routes *routes)
{
    return routing_set(relay, routes);
}

void relay_set_transport(struct relay *relay, struct transport *transport)
{
    relay->transport = transport;
}

/* ---- the way in ---- */

static void relay_accept(struct inbox *inbox, struct event *event, struct routes *routes,
                         const struct route *route, struct request *request)
{
    intake_accept(relay_of(inbox), event, routes, route, request);
}

static void relay_accept_all(struct inbox *inbox, struct parcel *parcel, struct routes *routes,
                             const struct route *route, bool made)
{
    intake_accept_all(relay_of(inbox), parcel, routes, route, made);
}

static void relay_bury(struct inbox *inbox, struct event *event, struct span reason,
                       enum reply reply, struct request *request)
{
    intake_bury(relay_of(inbox), event, reason, reply, request);
}

static size_t relay_unstored_bytes(struct inbox *inbox)
{
    return relay_of(inbox)->deliveries.unstored_bytes;
}

static const char *relay_not_ready(struct inbox *inbox)
{
    const struct relay *relay = relay_of(inbox);
    struct outbox_status status;

    if (relay->phase > RELAY_SERVES)
        return core_stopping_text;
    if (!relay->outbox)
        return NULL;
    outbox_status(relay->outbox, &status);
    if (!status.known ||
        (status.away && loop_now_ms(relay->loop) - status.away_since_ms >= RELAY_AWAY_MS))
        return "The outbox is away";
    if (status.failing == STORE_FULL)
        return "The outbox is full";
    if (status.failing)
        return "The outbox cannot be written";
    return status.unreadable ? "The outbox cannot be read" : NULL;
}

static int relay_fill_snapshot(struct inbox *inbox, struct snapshot *snapshot)
{
    return snapshot_fill(relay_of(inbox), snapshot);
}

/* ---- once a second ---- */

static void relay_tend(void *ctx)
{
    struct relay *relay = ctx;
    struct model *model;

    loop_timer_set(relay->loop, &relay->tend_timer, loop_now_ms(relay->loop) + RELAY_TEND_MS);
    TAILQ_FOREACH (model, &relay->models.list, link)
        model->page_failed = false;
    offers_retry(relay);
    routing_retry(relay);
    age_bury_all(relay);
    clock_hold_look(relay);
    core_ask_pump(relay);
}

/* ---- start ---- */

static int relay_init(struct relay *relay, struct loop *loop, const struct relay_options *options)
{
    relay->inbox = (struct inbox){.accept = relay_accept,
                                  .accept_all = relay_accept_all,
                                  .bury = relay_bury,
                                  .not_ready = relay_not_ready,
                                  .unstored_bytes = relay_unstored_bytes,
                                  .fill_snapshot = relay_fill_snapshot};
    relay->loop = loop;
    relay->options = *options;
    relay->dice = options->dice;
    relay->tend_timer = (struct loop_timer){.fn = relay_tend, .ctx = relay};
    outbox_ids_init(&relay->ids, 0);
    pump_init(relay);
    clock_hold_init(relay);
    tickets_init(&relay->tickets, loop, options->sync_wait_ms, settle_ticket_due);
    deliveries_init(&relay->deliveries, relay, loop, &relay->tickets, options->allocator);
    limit_init(&relay->limit, options->concurrency);
    gate_init(&relay->gate, &(struct gate_options){.loop = loop,
                                                   .dice = options->dice,
                                                   .in_flight = &relay->lanes.in_flight,
                                                   .gap_min_ms = CORE_GAP_MS,
                                                   .changed = learn_gate_changed,
                                                   .ctx = relay});
    log_sum_init(&relay->blamed, loop, LOG_WARN,
                 "an event fails again and again: it waits by itself", NULL);
    log_sum_init(&relay->unrouted, loop, LOG_WARN,
                 "dead letter: convex-relay outbox show ID says why", NULL);
    log_sum_init(&relay->refused, loop, LOG_WARN, "replay refused: it is a dead letter again",
                 NULL);
    int r = lanes_init(&relay->lanes, options->concurrency, options->allocator);
    return r ? r : models_init(&relay->models);
}

static int relay_begin_outbox(struct relay *relay, struct outbox *outbox)
{
    relay->outbox = outbox;
    relay->journal = outbox && outbox_is_journal(outbox);
    relay->model_options = (struct models_options){
        .relay = relay,
        .loop = relay->loop,
        .dice = relay->dice,
        .concurrency = relay->options.concurrency,
        .keeps = outbox != NULL,
        .last_id = !outbox                   ? 0
                   : outbox_is_known(outbox) ? outbox_last_id(outbox)
                                             : QUEUE_UNKNOWN,
        .gate_changed = learn_model_gate_changed,
    };
    if (!outbox)
        return 0;
    outbox_on_offers(outbox, offers_find, relay);
    age_begin(relay);
    loop_timer_set(relay->loop, &relay->tend_timer, loop_now_ms(relay->loop) + RELAY_TEND_MS);
    relay->recall_due = true;
    return routing_recall(relay);
}

int relay_new(struct loop *loop, struct transport *transport, struct outbox *outbox,
              const struct relay_options *options, struct relay **out)
{
    cleanup(relay_freep) struct relay *relay = calloc(1, sizeof(*relay));

    if (!relay)
        return error_origin(-ENOMEM);
    int r = relay_init(relay, loop, options);
    if (r == 0)
        r = relay_begin_outbox(relay, outbox);
    if (r)
        return r;
    relay->transport = transport;
    *out = take(relay);
    return 0;
}

bool relay_loading(const struct relay *relay)
{
    const struct model *model;

    if (!relay->outbox || relay->phase == RELAY_GIVEN_UP || outbox_is_away(relay->outbox))
        return false;
    TAILQ_FOREACH (model, &relay->models.list, link) {
        if (!model->queue.first_read)
            return true;
    }
    return false;
}

/* ---- stop ---- */

static void relay_enter(struct relay *relay, enum relay_phase phase)
{
    if (relay->phase < phase)
        relay->phase = phase;
    learn_apply_all(relay);
}

void relay_stopping(struct relay *relay)
{
    relay_enter(relay, RELAY_STOPPING);
}

void relay_stop_sending(struct relay *relay)
{
    relay_enter(relay, RELAY_FINISHING);
}

void relay_give_up(struct relay *relay)
{
    relay_enter(relay, RELAY_GIVEN_UP);
    tickets_hurry(&relay->tickets);
    /* Without an outbox no ticket has a time, and only Convex could answer. While the outbox is
     * away, whoever still waits has no row. */
    if (!relay->outbox || outbox_is_away(relay->outbox))
        relay_abandon(relay);
}

void relay_abandon(struct relay *relay)
{
    struct delivery *delivery;

    relay_enter(relay, RELAY_GIVEN_UP);
    TAILQ_FOREACH (delivery, &relay->deliveries.list, link)
        delivery_answer(delivery, REPLY_UNAVAILABLE, span_of(core_stopping_text));
}

struct relay *relay_free(struct relay *relay)
{
    struct delivery *delivery;

    if (!relay)
        return NULL;
    while ((delivery = TAILQ_FIRST(&relay->deliveries.list))) {
        attempt_cancel(delivery);
        if (delivery->place.lane)
            lanes_leave(&relay->lanes, &delivery->place);
        delivery_free(delivery);
    }
    pump_done(relay);
    clock_hold_done(relay);
    attempt_done(relay);
    intake_done(relay);
    tickets_done(&relay->tickets);
    gate_done(&relay->gate);
    log_sum_done(&relay->blamed);
    log_sum_done(&relay->unrouted);
    log_sum_done(&relay->refused);
    loop_timer_clear(relay->loop, &relay->tend_timer);
    buf_done(&relay->offers_walk.model);
    free(relay->naming.models);
    models_done(&relay->models);
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
    return relay->deliveries.count;
}

int relay_in_flight(const struct relay *relay)
{
    return relay->lanes.in_flight;
}

bool relay_awaits_outbox(const struct relay *relay)
{
    const struct delivery *delivery;

    if (!relay->outbox || !outbox_is_away(relay->outbox))
        return false;
    TAILQ_FOREACH (delivery, &relay->deliveries.list, link) {
        if (delivery->state == DELIVERY_SETTLING)
            return true;
    }
    return false;
}
