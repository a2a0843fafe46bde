/* SPDX-License-Identifier: MIT */
/*
 * What the answer to one event says of others: gates and limits.
 *
 * Conflicts and overload cut the route's limit, success lets it grow. A missing function closes the
 * route's gate; a Convex that cannot be reached, or refuses or fails, closes that of all. Both only
 * where it is not the event's own fault, which relay/evidence.h decides. While a gate is closed its
 * events wait without attempts or log lines of their own; an event that is itself to blame waits by
 * its backoff, with its record, and holds nobody else.
 */
#include "base/log.h"
#include "relay/delivery.h"

enum {
    RELAY_CUTS_MAX = 3,     /* of a limit, by one event */
    RELAY_FAILURES_MAX = 5, /* of one event, before the log tells of it */
};

void relay_apply_route_limit(struct relay_route *route)
{
    lanes_set_route_limit(&route->relay->lanes, &route->lanes,
                          gate_room(&route->gate, route->limit.now, route->limit.max));
}

void relay_apply_limits(struct relay *relay)
{
    relay->lanes.limit =
        relay->sends_no_more ? 0 : gate_room(&relay->gate, relay->limit.now, relay->limit.max);
}

/* ---- gates ---- */

void relay_knock(struct relay *relay)
{
    if (relay->gate.state != GATE_OPEN && relay->lanes.startable.first)
        gate_knock(&relay->gate);
}

void relay_knock_at_route(struct relay_route *route)
{
    if (route->gate.state != GATE_OPEN)
        gate_knock(&route->gate);
    relay_knock(route->relay);
}

void relay_gate_changed(void *ctx)
{
    struct relay *relay = ctx;

    relay_apply_limits(relay);
    relay_dispatch(relay);
    relay_knock(relay);
}

void relay_route_gate_changed(void *ctx)
{
    struct relay_route *route = ctx;

    relay_apply_route_limit(route);
    relay_dispatch(route->relay);
}

static void relay_log_open(const struct gate *gate, const char *model)
{
    int64_t held_ms = loop_now_ms(gate->options.loop) - gate->since_ms;

    log_info(model ? "route is served again" : "Convex answers again", "model", model, "after_s",
             log_number(held_ms / 1000), "probes", log_number(gate->failures));
}

/* Convex as a whole is well: it has judged the one event that it was asked about. */
static void relay_upstream_well(struct relay *relay)
{
    if (gate_passed(&relay->gate)) {
        relay_log_open(&relay->gate, NULL);
        limit_restart(&relay->limit, relay->lanes.in_flight);
        relay_wake(relay);
    }
    limit_success(&relay->limit);
    relay_apply_limits(relay);
}

/* Its functions are there. */
static void relay_route_well(struct relay_route *route)
{
    if (gate_passed(&route->gate)) {
        relay_log_open(&route->gate, route->model);
        limit_restart(&route->limit, route->lanes.in_flight);
        relay_wake(route->relay);
    }
    relay_apply_route_limit(route);
}

/* ---- failures ---- */

static void relay_log_blame(const struct delivery *delivery, const struct verdict *verdict)
{
    struct log_sum *sum = &delivery->relay->blamed;

    if (log_sum_first(sum))
        log_warn(sum->message, "request", delivery_request_id(delivery), "id",
                 log_number(delivery->place.seq), "model", delivery->route->model, "cause",
                 verdict->cause, "reason", verdict->detail);
}

static struct gate_failure relay_failure(const struct delivery *delivery,
                                         const struct verdict *verdict)
{
    bool held = verdict->outcome == VERDICT_HELD;
    bool overload = verdict->pressure == VERDICT_OVERLOAD;

    return (struct gate_failure){
        .cause = verdict->cause,
        /* A refusal to accept who asks, or even to connect. */
        .certain = held || (!verdict->maybe_ran && !overload),
        .overload = overload,
        .by_event = held || verdict->maybe_ran,
        .began_ms = delivery->began_ms,
        .retry_after_ms = verdict->retry_after_ms,
    };
}

static void relay_upstream_failed(struct delivery *delivery, const struct verdict *verdict)
{
    struct relay *relay = delivery->relay;
    struct gate_failure failure = relay_failure(delivery, verdict);
    enum gate_news news = gate_failed(&relay->gate, &delivery->blame, &failure);

    if (news == GATE_CLOSES)
        log_warn("Convex is not to be had: events wait", "cause", verdict->cause, "reason",
                 verdict->detail, "model", delivery->route->model, "id",
                 log_number(delivery->place.seq));
    else if (news == GATE_BLAMES || (relay->gate.state == GATE_OPEN && !delivery->blame.own &&
                                     delivery->attempts == RELAY_FAILURES_MAX))
        relay_log_blame(delivery, verdict);
    relay_apply_limits(relay);
}

static void relay_route_failed(struct delivery *delivery, const struct verdict *verdict)
{
    struct relay_route *route = delivery->route;
    struct gate_failure failure = relay_failure(delivery, verdict);
    enum gate_news news = gate_failed(&route->gate, &delivery->route_blame, &failure);

    if (news == GATE_CLOSES)
        log_warn("route is held: its events wait", "model", route->model, "cause", verdict->cause,
                 "id", log_number(delivery->place.seq));
    else if (news == GATE_BLAMES)
        relay_log_blame(delivery, verdict);
    relay_apply_route_limit(route);
}

void relay_learn(struct delivery *delivery, const struct verdict *verdict)
{
    struct relay *relay = delivery->relay;
    struct relay_route *route = delivery->route;
    bool failed = verdict->outcome == VERDICT_AGAIN || verdict->outcome == VERDICT_HELD;

    /* One that conflicts for ever is not to slow down the rest for ever. */
    if (verdict->pressure != VERDICT_NO_PRESSURE && delivery->attempts <= RELAY_CUTS_MAX) {
        limit_cut(&route->limit, delivery->attempt);
        relay_apply_route_limit(route);
    }
    if (failed && !relay->outbox)
        return; /* nothing waits here for better times, so that no gate is needed */
    if (failed && verdict->scope == VERDICT_UPSTREAM) {
        relay_upstream_failed(delivery, verdict);
        return;
    }
    relay_upstream_well(relay);
    if (verdict->outcome == VERDICT_HELD) {
        relay_route_failed(delivery, verdict);
        return;
    }
    if (!failed)
        limit_success(&route->limit);
    relay_route_well(route);
}
