/* SPDX-License-Identifier: MIT */
/*
 * Strays: pending events whose model has no route, because a reload, or a start with other routes,
 * has taken it away. They become dead letters, which can be replayed once it is back.
 *
 * Those in memory go at once, but for the attempts that are in flight: these end by the old route
 * first. What is on disk only is buried there, some at a time, without being read into memory, by a
 * walk through the models that have pending events: at the start, after a reload and every few
 * seconds, since an event that came in by way of a replay may be left over from a crash.
 */
#include "base/log.h"
#include "handlers/sync.h"
#include "relay/delivery.h"

enum { STRAY_MODEL_LOG_MAX = 64 };

static void relay_log_strays(struct span model, uint64_t events)
{
    cleanup(buf_done) struct buf text = BUF_NULL;

    if (events == 0)
        return;
    if (model.len > STRAY_MODEL_LOG_MAX)
        model.len = STRAY_MODEL_LOG_MAX;
    (void)buf_append_span(&text, model);
    log_warn("pending events of a model that has no route are dead letters now", "model",
             model.at ? buf_string(&text) : "(none)", "events", log_number(events));
}

/* ---- in memory ---- */

void relay_bury_stray(struct delivery *delivery)
{
    delivery->route->strays++;
    relay_settle_bury(delivery, REPLY_DELIVERED, span_of(sync_no_route_text));
}

void relay_lose_route(struct relay_route *route)
{
    struct relay *relay = route->relay;
    struct delivery *delivery, *next;

    if (!relay->outbox)
        return; /* each has one attempt, by the route that it came for */
    route->lost = true;
    for (delivery = TAILQ_FIRST(&relay->deliveries); delivery; delivery = next) {
        next = TAILQ_NEXT(delivery, link);
        if (delivery->route == route &&
            (delivery->state == DELIVERY_WAITING || delivery->state == DELIVERY_RESTING))
            relay_bury_stray(delivery);
    }
}

/* ---- on disk ---- */

/* Nothing of it is in memory or on its way there, where it would be settled a second time. */
static bool relay_route_is_empty(const struct relay_route *route)
{
    return route->lanes.places == 0 && !route->reading;
}

static bool relay_are_strays(struct relay *relay, struct span model)
{
    const struct relay_route *route = model.at ? relay_route_find(relay, model) : NULL;

    return !relay->replays_reading && (!route || (route->lost && relay_route_is_empty(route)));
}

static struct span relay_walk_model(const struct relay *relay)
{
    return relay->strays.named ? buf_span(&relay->strays.model) : SPAN_NULL;
}

/* The walk leaves a model: the events that it buried count with those that were in memory. */
static void relay_leave_strays(struct relay *relay)
{
    struct span model = relay_walk_model(relay);
    struct relay_route *route = model.at ? relay_route_find(relay, model) : NULL;

    if (route)
        route->strays += relay->strays_buried;
    else
        relay_log_strays(model, relay->strays_buried);
    relay->strays_buried = 0;
}

static void relay_end_walk(struct relay *relay)
{
    struct relay_route *route;

    relay->strays_walking = false;
    for (route = TAILQ_FIRST(&relay->routes); route; route = TAILQ_NEXT(route, link)) {
        if (route->strays > 0 && (!route->lost || relay_route_is_empty(route))) {
            relay_log_strays(span_of(route->model), route->strays);
            route->strays = 0;
        }
    }
}

static void relay_walk_on(struct relay *relay, bool bury)
{
    relay->strays.step = bury ? OUTBOX_WALK_BURY : OUTBOX_WALK_NEXT_PENDING;
    relay->strays.died_ms = clock_wall_ms(loop_clock(relay->loop));
    outbox_submit_walk(relay->outbox, &relay->strays);
}

static void relay_walked(struct outbox_walk *walk, int r)
{
    struct relay *relay = container_of(walk, struct relay, strays);
    bool are_strays = relay_are_strays(relay, relay_walk_model(relay));

    if (walk->step == OUTBOX_WALK_BURY) {
        relay->strays_buried += walk->buried;
        relay_count_buried(relay, relay_walk_model(relay), walk->buried);
        are_strays = are_strays && walk->buried > 0;
        if (!are_strays || r)
            relay_leave_strays(relay);
    }
    /* At the end, or the outbox fails: the next walk begins anew. */
    if (r || relay->given_up)
        relay_end_walk(relay);
    else
        relay_walk_on(relay, are_strays);
}

void relay_find_strays(struct relay *relay)
{
    if (!relay->outbox || relay->strays_walking || relay->given_up)
        return;
    relay->strays_walking = true;
    buf_done(&relay->strays.model);
    relay->strays =
        (struct outbox_walk){.reason = span_of(sync_no_route_text), .done = relay_walked};
    relay_walk_on(relay, relay_are_strays(relay, SPAN_NULL));
}
