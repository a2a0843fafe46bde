/* SPDX-License-Identifier: MIT */
/*
 * Lanes and routes.
 *
 *   a lane:   READY --lanes_start--> BUSY --lanes_leave--> READY, or gone when nobody waits
 *   a route:  in startable exactly while it has room and a lane of its is ready
 *
 * A lane is in its route's heap exactly while it is ready. A route lives while lanes of its do.
 */
#include "server/lanes.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/util.h"

struct lane_route {
    struct table_node node;
    struct heap_node startable;
    struct heap ready; /* lanes, by the seq of their heads */
    struct buf model;
    int limit;
    int in_flight;
    int lanes;
};

struct lane {
    struct table_node node;
    struct heap_node ready;
    struct lane_route *route;
    struct buf record;
    bool named; /* in the table: others may join */
    bool busy;  /* its head is in flight */
    TAILQ_HEAD(, lane_place) places;
};

static uint64_t lane_seq(const struct heap_node *node)
{
    return TAILQ_FIRST(&container_of(node, struct lane, ready)->places)->seq;
}

static bool lane_before(const struct heap_node *a, const struct heap_node *b)
{
    return lane_seq(a) < lane_seq(b);
}

static bool lane_route_before(const struct heap_node *a, const struct heap_node *b)
{
    return lane_before(container_of(a, struct lane_route, startable)->ready.first,
                       container_of(b, struct lane_route, startable)->ready.first);
}

int lanes_init(struct lanes *out, int limit)
{
    struct lanes lanes = {.limit = limit, .startable = {.before = lane_route_before}};
    int r = table_init(&lanes.lanes);

    if (r == 0)
        r = table_init(&lanes.routes);
    if (r == 0)
        *out = lanes;
    return r;
}

void lanes_done(struct lanes *lanes)
{
    table_done(&lanes->lanes);
    table_done(&lanes->routes);
}

/*
 * Changes of a route's ready heap or room happen between these two: while the route stands in
 * startable its order must not change.
 */
static void lane_route_withdraw(struct lanes *lanes, struct lane_route *route)
{
    if (heap_linked(&route->startable))
        heap_remove(&lanes->startable, &route->startable);
}

static void lane_route_offer(struct lanes *lanes, struct lane_route *route)
{
    if (route->ready.first && route->in_flight < route->limit)
        heap_push(&lanes->startable, &route->startable);
}

/* ---- finding and making ---- */

static struct lane_route *lane_route_find(struct lanes *lanes, struct span model, uint64_t hash)
{
    struct table_node *node = table_first(&lanes->routes, hash);

    for (; node; node = table_next(node)) {
        struct lane_route *route = container_of(node, struct lane_route, node);
        if (span_eq(buf_span(&route->model), model))
            return route;
    }
    return NULL;
}

static void lane_route_free(struct lane_route *route)
{
    buf_done(&route->model);
    free(route);
}

static int lane_route_get(struct lanes *lanes, struct span model, struct lane_route **out)
{
    uint64_t hash = table_hash(&lanes->routes, model, SPAN_NULL);
    struct lane_route *route = lane_route_find(lanes, model, hash);

    if (!route) {
        route = calloc(1, sizeof(*route));
        if (!route)
            return error_origin(-ENOMEM);
        route->ready.before = lane_before;
        int r = buf_append_span(&route->model, model);
        if (r == 0)
            r = table_add(&lanes->routes, &route->node, hash);
        if (r) {
            lane_route_free(route);
            return r;
        }
    }
    *out = route;
    return 0;
}

static void lane_route_release(struct lanes *lanes, struct lane_route *route)
{
    if (route->lanes > 0)
        return;
    table_remove(&lanes->routes, &route->node);
    lane_route_free(route);
}

static struct lane *lane_find(struct lanes *lanes, struct span model, struct span record,
                              uint64_t hash)
{
    struct table_node *node = table_first(&lanes->lanes, hash);

    for (; node; node = table_next(node)) {
        struct lane *lane = container_of(node, struct lane, node);
        if (span_eq(buf_span(&lane->record), record) &&
            span_eq(buf_span(&lane->route->model), model))
            return lane;
    }
    return NULL;
}

static void lane_free(struct lanes *lanes, struct lane *lane)
{
    if (lane->named)
        table_remove(&lanes->lanes, &lane->node);
    buf_done(&lane->record);
    free(lane);
}

/* A lane without places, of a route that is there. */
static int lane_new(struct lanes *lanes, struct lane_route *route, struct span record,
                    uint64_t hash, struct lane **out)
{
    struct lane *lane = calloc(1, sizeof(*lane));
    int r = 0;

    if (!lane)
        return error_origin(-ENOMEM);
    TAILQ_INIT(&lane->places);
    lane->route = route;
    if (record.at) {
        r = buf_append_span(&lane->record, record);
        if (r == 0)
            r = table_add(&lanes->lanes, &lane->node, hash);
        lane->named = r == 0;
    }
    if (r) {
        lane_free(lanes, lane);
        return r;
    }
    route->lanes++;
    *out = lane;
    return 0;
}

/* ---- moving ---- */

int lanes_join(struct lanes *lanes, struct lane_place *place, struct span model, struct span record,
               int route_limit)
{
    struct lane_route *route;
    uint64_t hash = table_hash(&lanes->lanes, model, record);
    struct lane *lane = record.at ? lane_find(lanes, model, record, hash) : NULL;
    int r = lane_route_get(lanes, model, &route);

    if (r)
        return r;
    if (!lane)
        r = lane_new(lanes, route, record, hash, &lane);
    if (r) {
        lane_route_release(lanes, route);
        return r;
    }
    place->seq = lanes->next_seq++;
    place->lane = lane;
    lanes->waiting++;

    lane_route_withdraw(lanes, route);
    route->limit = route_limit ? route_limit : INT_MAX;
    bool first = TAILQ_EMPTY(&lane->places);
    TAILQ_INSERT_TAIL(&lane->places, place, link);
    if (first)
        heap_push(&route->ready, &lane->ready);
    lane_route_offer(lanes, route);
    return 0;
}

struct lane_place *lanes_start(struct lanes *lanes)
{
    if (lanes->in_flight >= lanes->limit || !lanes->startable.first)
        return NULL;

    struct lane_route *route = container_of(lanes->startable.first, struct lane_route, startable);
    struct lane *lane = container_of(route->ready.first, struct lane, ready);
    lane_route_withdraw(lanes, route);
    heap_remove(&route->ready, &lane->ready);
    lane->busy = true;
    route->in_flight++;
    lanes->in_flight++;
    lane_route_offer(lanes, route);
    return TAILQ_FIRST(&lane->places);
}

void lanes_leave(struct lanes *lanes, struct lane_place *place)
{
    struct lane *lane = place->lane;
    struct lane_route *route = lane->route;
    bool head = place == TAILQ_FIRST(&lane->places);

    lane_route_withdraw(lanes, route);
    if (head && lane->busy) {
        lane->busy = false;
        route->in_flight--;
        lanes->in_flight--;
    } else if (head) {
        heap_remove(&route->ready, &lane->ready);
    }
    TAILQ_REMOVE(&lane->places, place, link);
    place->lane = NULL;
    lanes->waiting--;

    if (TAILQ_EMPTY(&lane->places)) {
        lane_free(lanes, lane);
        route->lanes--;
    } else if (head) {
        heap_push(&route->ready, &lane->ready);
    }
    lane_route_offer(lanes, route);
    lane_route_release(lanes, route);
}
