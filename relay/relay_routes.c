/* SPDX-License-Identifier: MIT */
/* What the relay knows of each model. It outlives the configuration, which a reload replaces. */
#include <errno.h>

#include "base/error.h"
#include "relay/delivery.h"

struct relay_route *relay_route_find(struct relay *relay, struct span model)
{
    uint64_t hash = table_hash(&relay->routes_by_model, model, SPAN_NULL);
    struct table_node *node = table_first(&relay->routes_by_model, hash);

    for (; node; node = table_next(node)) {
        struct relay_route *route = container_of(node, struct relay_route, node);
        if (span_eq(span_of(route->model), model))
            return route;
    }
    return NULL;
}

static int relay_route_new(struct relay *relay, struct span model, struct relay_route **out)
{
    struct relay_route *route = calloc(1, sizeof(*route));

    if (!route)
        return error_origin(-ENOMEM);
    route->model = strndup(model.at, model.len);
    int r = route->model ? table_add(&relay->routes_by_model, &route->node,
                                     table_hash(&relay->routes_by_model, model, SPAN_NULL))
                         : error_origin(-ENOMEM);
    if (r) {
        free(route->model);
        free(route);
        return r;
    }
    route->relay = relay;
    lane_route_init(&route->lanes, 0);
    relay_intake_init(&route->intake, relay, false);
    limit_init(&route->limit, relay->options.concurrency);
    gate_init(&route->gate, &(struct gate_options){.loop = relay->loop,
                                                   .dice = relay->dice,
                                                   .in_flight = &route->lanes.in_flight,
                                                   .gap_min_ms = RELAY_ROUTE_GAP_MS,
                                                   .changed = relay_route_gate_changed,
                                                   .ctx = route});
    log_sum_init(&route->failures, relay->loop, LOG_WARN,
                 relay->outbox ? "dead letter" : "not delivered", route->model);
    route->backlog = relay->outbox != NULL; /* until a read has shown that there is none */
    TAILQ_INSERT_TAIL(&relay->routes, route, link);
    *out = route;
    return 0;
}

int relay_route_get(struct relay *relay, struct routes *routes, const struct route *route,
                    struct relay_route **out)
{
    struct span model = span_of(route->model);
    struct relay_route *known = relay_route_find(relay, model);
    int max = relay->options.concurrency;

    if (!known) {
        int r = relay_route_new(relay, model, &known);
        if (r)
            return r;
    }
    if (known->route != route) {
        routes_ref(routes);
        routes_unref(known->routes);
        known->routes = routes;
        known->route = route;
        known->generation++;
        known->lost = false;
        if (route->concurrency && route->concurrency < max)
            max = route->concurrency;
        limit_set_max(&known->limit, max);
        relay_apply_route_limit(known);
    }
    *out = known;
    return 0;
}

static void relay_route_free(struct relay_route *route)
{
    TAILQ_REMOVE(&route->relay->routes, route, link);
    table_remove(&route->relay->routes_by_model, &route->node);
    relay_intake_done(&route->intake);
    gate_done(&route->gate);
    log_sum_done(&route->failures);
    routes_unref(route->routes);
    free(route->model);
    free(route);
}

int relay_routes_reserve(struct relay *relay, struct routes *routes)
{
    struct relay_route *last = TAILQ_LAST(&relay->routes, relay_routes);
    struct relay_route *route;
    int r = 0;

    for (size_t i = 0; r == 0 && i < routes_count(routes); i++) {
        struct span model = span_of(routes_at(routes, i)->model);
        if (!relay_route_find(relay, model))
            r = relay_route_new(relay, model, &route);
    }
    while (r && (route = TAILQ_LAST(&relay->routes, relay_routes)) != last)
        relay_route_free(route);
    return r;
}

void relay_routes_free(struct relay *relay)
{
    while (!TAILQ_EMPTY(&relay->routes))
        relay_route_free(TAILQ_FIRST(&relay->routes));
    table_done(&relay->routes_by_model);
}
