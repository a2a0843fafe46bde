/* SPDX-License-Identifier: MIT */
/* What the relay shows of itself to /metrics and /status. */
#include <errno.h>

#include "base/error.h"
#include "handlers/snapshot.h"
#include "relay/delivery.h"

static int64_t relay_wall_of(const struct relay *relay, int64_t now_ms, int64_t mono_ms)
{
    return now_ms - (loop_now_ms(relay->loop) - mono_ms);
}

static void relay_look_gate(const struct relay *relay, const struct gate *gate, const char **held,
                            int64_t now_ms, int64_t *since_ms)
{
    if (gate->state == GATE_OPEN)
        return;
    *held = gate->cause;
    *since_ms = relay_wall_of(relay, now_ms, gate->since_ms);
}

static void relay_look_route(struct relay *relay, struct relay_route *route, int64_t now_ms,
                             struct snapshot_route *out)
{
    *out = (struct snapshot_route){
        .model = route->model,
        .mutation = route->lost ? NULL : route->route->mutation,
        .in_flight = route->lanes.in_flight,
        .limit = route->limit.now,
        .oldest_age_ms = -1,
    };
    if (relay_counts_of(relay, route) != &relay->other)
        out->counts = &route->counts;
    relay_look_gate(relay, &relay->gate, &out->held, now_ms, &out->held_since_ms);
    relay_look_gate(relay, &route->gate, &out->held, now_ms, &out->held_since_ms);
    if (route->error[0]) {
        out->error = route->error;
        out->error_outcome = verdict_outcome_name(route->error_outcome);
        out->error_ms = relay_wall_of(relay, now_ms, route->error_ms);
    }
    route->look = out;
}

static int64_t relay_look_age(const struct relay *relay, int64_t now_ms,
                              const struct delivery *delivery)
{
    int64_t age_ms = relay_age_of(relay, now_ms, delivery->event.arrived_ms);

    return age_ms < 0 ? loop_now_ms(relay->loop) - delivery->since_ms : age_ms;
}

/* Pages come in the order of arrival: the oldest event of a route is in memory, if any is. */
static void relay_look_ages(const struct relay *relay, int64_t now_ms)
{
    const struct delivery *delivery;

    for (delivery = TAILQ_FIRST(&relay->deliveries); delivery;
         delivery = TAILQ_NEXT(delivery, link)) {
        struct snapshot_route *out = delivery->route ? delivery->route->look : NULL;
        int64_t age_ms = relay_look_age(relay, now_ms, delivery);
        if (out && out->oldest_age_ms < age_ms)
            out->oldest_age_ms = age_ms;
    }
}

/* The oldest on disk. Where clocks do not tell, it has waited for as long as one in memory. */
static int64_t relay_look_oldest(const struct relay *relay, const struct store_counts *counts,
                                 const struct snapshot *snapshot)
{
    int64_t age_ms =
        counts->oldest_ms ? relay_age_of(relay, snapshot->now_ms, counts->oldest_ms) : -1;

    if (age_ms >= 0 || !counts->oldest_ms)
        return age_ms;
    for (size_t i = 0; i < snapshot->routes_len; i++)
        if (age_ms < snapshot->routes[i].oldest_age_ms)
            age_ms = snapshot->routes[i].oldest_age_ms;
    return age_ms < 0 ? 0 : age_ms;
}

static void relay_look_outbox(const struct relay *relay, struct snapshot *snapshot)
{
    struct outbox_status status;

    snapshot->outbox = "off";
    snapshot->oldest_age_ms = -1;
    if (!relay->outbox)
        return;
    outbox_status(relay->outbox, &status);
    snapshot->outbox = status.failing == STORE_FULL          ? "full"
                       : status.failing || status.unreadable ? "failing"
                                                             : "ok";
    snapshot->outbox_spoilt = status.counts.spoilt;
    snapshot->outbox_bytes = status.counts.bytes;
    snapshot->outbox_pinned_bytes = status.counts.pinned_bytes;
    snapshot->oldest_age_ms = relay_look_oldest(relay, &status.counts, snapshot);
    snapshot->outbox_commits = status.commits;
}

int relay_look(struct inbox *inbox, struct snapshot *snapshot)
{
    struct relay *relay = container_of(inbox, struct relay, inbox);
    const uint64_t *attempts = relay->outcomes;
    struct relay_route *route;

    *snapshot = (struct snapshot){
        .now_ms = clock_wall_ms(loop_clock(relay->loop)),
        .routes = calloc(relay->routes_by_model.len + 1, sizeof(*snapshot->routes)),
        .other = relay->other,
        .not_ready = inbox->not_ready(inbox),
        .in_flight = relay->lanes.in_flight,
        .attempts = {attempts[VERDICT_DONE], attempts[VERDICT_REJECTED], attempts[VERDICT_AGAIN],
                     attempts[VERDICT_HELD]},
        .convex_duration = relay->convex_duration,
    };
    if (!snapshot->routes)
        return error_origin(-ENOMEM);
    for (route = TAILQ_FIRST(&relay->routes); route; route = TAILQ_NEXT(route, link))
        relay_look_route(relay, route, snapshot->now_ms, &snapshot->routes[snapshot->routes_len++]);
    relay_look_gate(relay, &relay->gate, &snapshot->held, snapshot->now_ms,
                    &snapshot->held_since_ms);
    relay_look_ages(relay, snapshot->now_ms);
    relay_look_outbox(relay, snapshot);
    return 0;
}
