/* SPDX-License-Identifier: MIT */
/*
 * The relay.
 *
 * An event joins the lane of its record. When it heads the lane and there is room, it is sent; the
 * answer's verdict settles it, answers its sender, and lets the next one go. Nothing is kept: what
 * Convex did not take in one attempt is answered 500, and is the sender's again.
 */
#include "server/relay.h"

#include <errno.h>

#include "base/error.h"
#include "base/log.h"
#include "convex/mutation.h"
#include "convex/verdict.h"
#include "server/lanes.h"

/* One event on its way. Belongs to the relay from accept until it is settled. */
struct delivery {
    struct event event;
    struct routes *routes; /* keeps route alive */
    const struct route *route;
    struct request *request; /* who waits for the answer */
    struct relay *relay;
    struct lane_place place;
    struct buf before_args;
    struct call call;
    bool in_flight;
    TAILQ_ENTRY(delivery) link;
};

struct relay {
    struct inbox inbox;
    struct loop *loop;
    struct transport *transport;
    struct lanes lanes;
    TAILQ_HEAD(, delivery) deliveries;
    bool stopping;
    bool given_up;
};

static const char relay_stopping_text[] = "The relay is stopping";

static struct delivery *delivery_free(struct delivery *delivery)
{
    if (delivery) {
        event_done(&delivery->event);
        buf_done(&delivery->before_args);
        routes_unref(delivery->routes);
        free(delivery);
    }
    return NULL;
}
CLEANUP_POINTER(struct delivery, delivery_free);

/* The delivery is over: its sender gets the reply, its lane goes on. */
static void relay_settle(struct delivery *delivery, enum reply reply, struct span message)
{
    struct relay *relay = delivery->relay;

    lanes_leave(&relay->lanes, &delivery->place);
    TAILQ_REMOVE(&relay->deliveries, delivery, link);
    request_reply_with(delivery->request, reply, message);
    delivery_free(delivery);
}

static void relay_log_failure(const struct delivery *delivery, const struct verdict *verdict)
{
    log_warn("not delivered", "model", delivery->route->model, "outcome",
             verdict_outcome_name(verdict->outcome), "cause", verdict->cause);
}

static void relay_settle_by(struct delivery *delivery, const struct verdict *verdict)
{
    if (verdict->outcome == VERDICT_DONE) {
        relay_settle(delivery, REPLY_DELIVERED, SPAN_NULL);
        return;
    }
    relay_log_failure(delivery, verdict);
    relay_settle(delivery, REPLY_FAILED, buf_span(&verdict->message));
}

static void relay_dispatch(struct relay *relay);

static void relay_answered(struct call *call, const struct answer *answer)
{
    struct delivery *delivery = container_of(call, struct delivery, call);
    struct relay *relay = delivery->relay;
    struct verdict verdict = {0};
    int r = verdict_read(answer, &verdict);

    delivery->in_flight = false;
    if (r)
        relay_settle(delivery, REPLY_FAILED, SPAN("Out of memory"));
    else
        relay_settle_by(delivery, &verdict);
    buf_done(&verdict.message);
    relay_dispatch(relay);
}

static int relay_start(struct delivery *delivery)
{
    struct span args = delivery->event.args;
    bool remove = delivery->event.remove && delivery->route->remove;
    const char *path = remove ? delivery->route->remove : delivery->route->mutation;
    int r = mutation_before_args(path, &delivery->before_args);

    if (r)
        return r;
    delivery->call = (struct call){
        .body = {buf_span(&delivery->before_args), args, MUTATION_AFTER_ARGS},
        .done = relay_answered,
    };
    delivery->in_flight = true;
    r = transport_start(delivery->relay->transport, &delivery->call);
    if (r)
        delivery->in_flight = false;
    return r;
}

/* Starts whatever has room. */
static void relay_dispatch(struct relay *relay)
{
    struct lane_place *place;

    while ((place = lanes_start(&relay->lanes))) {
        struct delivery *delivery = container_of(place, struct delivery, place);
        if (relay_start(delivery))
            relay_settle(delivery, REPLY_FAILED, SPAN("The relay could not start the call"));
    }
}

static int relay_join(struct relay *relay, struct event *event, struct routes *routes,
                      const struct route *route, struct request *request)
{
    cleanup(delivery_freep) struct delivery *delivery = calloc(1, sizeof(*delivery));

    if (!delivery)
        return error_origin(-ENOMEM);
    int r = lanes_join(&relay->lanes, &delivery->place, event->model, event->record,
                       route->concurrency);
    if (r)
        return r;
    delivery->event = *event;
    *event = (struct event){0};
    delivery->routes = routes_ref(routes);
    delivery->route = route;
    delivery->request = request;
    delivery->relay = relay;
    TAILQ_INSERT_TAIL(&relay->deliveries, delivery, link);
    (void)take(delivery);
    return 0;
}

static void relay_accept(struct inbox *inbox, struct event *event, struct routes *routes,
                         const struct route *route, struct request *request)
{
    struct relay *relay = container_of(inbox, struct relay, inbox);

    if (relay->given_up)
        request_reply_with(request, REPLY_UNAVAILABLE, span_of(relay_stopping_text));
    else if (relay_join(relay, event, routes, route, request))
        request_reply_with(request, REPLY_UNAVAILABLE, SPAN("Out of memory"));
    else
        relay_dispatch(relay);
}

static const char *relay_not_ready(struct inbox *inbox)
{
    return container_of(inbox, struct relay, inbox)->stopping ? relay_stopping_text : NULL;
}

int relay_new(struct loop *loop, struct transport *transport, const struct relay_options *options,
              struct relay **out)
{
    cleanup(relay_freep) struct relay *relay = calloc(1, sizeof(*relay));

    if (!relay)
        return error_origin(-ENOMEM);
    relay->inbox = (struct inbox){.accept = relay_accept, .not_ready = relay_not_ready};
    relay->loop = loop;
    relay->transport = transport;
    TAILQ_INIT(&relay->deliveries);
    int r = lanes_init(&relay->lanes, options->concurrency);
    if (r)
        return r;
    *out = take(relay);
    return 0;
}

struct relay *relay_free(struct relay *relay)
{
    if (relay) {
        lanes_done(&relay->lanes);
        free(relay);
    }
    return NULL;
}

struct inbox *relay_inbox(struct relay *relay)
{
    return &relay->inbox;
}

size_t relay_pending(const struct relay *relay)
{
    return relay->lanes.waiting;
}

void relay_stopping(struct relay *relay)
{
    relay->stopping = true;
}

void relay_give_up(struct relay *relay)
{
    struct delivery *delivery, *next;

    relay->given_up = true;
    for (delivery = TAILQ_FIRST(&relay->deliveries); delivery; delivery = next) {
        next = TAILQ_NEXT(delivery, link);
        if (delivery->in_flight)
            transport_cancel(relay->transport, &delivery->call);
        relay_settle(delivery, REPLY_UNAVAILABLE, span_of(relay_stopping_text));
    }
}
