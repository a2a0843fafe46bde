/* SPDX-License-Identifier: MIT */
/*
 * Lanes and routes.
 *
 *   a lane:   READY --lanes_start--> FLYING --lanes_rest--> RESTING --lanes_ready--> READY
 *             READY --lanes_rest--> RESTING --lanes_join before its head--> READY
 *             lanes_leave of its head, from anywhere: READY, or gone when nobody is left
 *   a route:  in startable exactly while it has room and a lane of its is ready
 *
 * A lane is in its route's heap exactly while it is READY.
 */
#include "relay/lanes.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/util.h"

enum lane_state { LANE_READY, LANE_FLYING, LANE_RESTING };

struct lane {
    struct table_node node;
    struct heap_node ready;
    struct lane_route *route;
    struct buf record;
    bool named; /* in the table: others may join */
    enum lane_state state;
    TAILQ_HEAD(lane_places, lane_place) places;
};

static const struct lane_place *lane_head(const struct heap_node *node)
{
    return TAILQ_FIRST(&container_of(node, struct lane, ready)->places);
}

static bool lane_before(const struct heap_node *a, const struct heap_node *b)
{
    const struct lane_place *x = lane_head(a), *y = lane_head(b);

    return x->turn != y->turn ? x->turn < y->turn : x->seq < y->seq;
}

static bool lane_route_before(const struct heap_node *a, const struct heap_node *b)
{
    return lane_before(container_of(a, struct lane_route, startable)->ready.first,
                       container_of(b, struct lane_route, startable)->ready.first);
}

int lanes_init(struct lanes *out, int limit)
{
    struct lanes lanes = {.limit = limit, .startable = {.before = lane_route_before}};
    int r = table_init(&lanes.table);

    if (r == 0)
        *out = lanes;
    return r;
}

void lanes_done(struct lanes *lanes)
{
    table_done(&lanes->table);
}

void lane_route_init(struct lane_route *route, int limit)
{
    *route = (struct lane_route){.ready = {.before = lane_before}, .limit = limit};
}

/*
 * A route's ready heap and its room change between these two: while the route stands in startable
 * its order must not change.
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

void lanes_set_route_limit(struct lanes *lanes, struct lane_route *route, int limit)
{
    lane_route_withdraw(lanes, route);
    route->limit = limit;
    lane_route_offer(lanes, route);
}

/* Moves a lane between its states; the caller has withdrawn its route. */
static void lane_enter(struct lanes *lanes, struct lane *lane, enum lane_state state)
{
    int flying = (state == LANE_FLYING) - (lane->state == LANE_FLYING);

    if (lane->state == LANE_READY && heap_linked(&lane->ready))
        heap_remove(&lane->route->ready, &lane->ready);
    lane->route->in_flight += flying;
    lanes->in_flight += flying;
    lane->state = state;
    if (state == LANE_READY && !TAILQ_EMPTY(&lane->places))
        heap_push(&lane->route->ready, &lane->ready);
}

/* ---- finding and making ---- */

static struct span lane_route_key(struct lane_route *const *route)
{
    return (struct span){(const char *)route, sizeof(struct lane_route *)};
}

static struct lane *lane_find(struct lanes *lanes, const struct lane_route *route,
                              struct span record, uint64_t hash)
{
    struct table_node *node = table_first(&lanes->table, hash);

    for (; node; node = table_next(node)) {
        struct lane *lane = container_of(node, struct lane, node);
        if (lane->route == route && span_eq(buf_span(&lane->record), record))
            return lane;
    }
    return NULL;
}

static void lane_free(struct lanes *lanes, struct lane *lane)
{
    if (lane->named)
        table_remove(&lanes->table, &lane->node);
    buf_done(&lane->record);
    free(lane);
}

/* A lane without places, READY and in no heap. */
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
            r = table_add(&lanes->table, &lane->node, hash);
        lane->named = r == 0;
    }
    if (r) {
        lane_free(lanes, lane);
        return r;
    }
    *out = lane;
    return 0;
}

/* ---- moving ---- */

/* Whom seq comes behind. Nearly always the last: only what was a dead letter is older than others.
 */
static struct lane_place *lane_find_before(const struct lane *lane, uint64_t seq)
{
    struct lane_place *before = TAILQ_LAST(&lane->places, lane_places);

    while (before && before->seq > seq)
        before = TAILQ_PREV(before, lane_places, link);
    return before;
}

static void lane_insert(struct lane *lane, struct lane_place *place, struct lane_place *before)
{
    if (before)
        TAILQ_INSERT_AFTER(&lane->places, before, place, link);
    else
        TAILQ_INSERT_HEAD(&lane->places, place, link);
}

/*
 * The first of those that may have gone came later than seq. Those behind it have waited for it.
 */
static bool lane_has_passed(const struct lane *lane, uint64_t seq)
{
    const struct lane_place *place = TAILQ_FIRST(&lane->places);

    if (TAILQ_LAST(&lane->places, lane_places)->seq <= seq)
        return false; /* nearly always */
    if (lane->state != LANE_FLYING)
        while (place && !place->tried)
            place = TAILQ_NEXT(place, link);
    return place && place->seq > seq;
}

int lanes_join(struct lanes *lanes, struct lane_route *route, struct lane_place *place,
               uint64_t seq, struct span record)
{
    uint64_t hash = table_hash(&lanes->table, lane_route_key(&route), record);
    struct lane *lane = record.at ? lane_find(lanes, route, record, hash) : NULL;
    struct lane_place *before = lane ? lane_find_before(lane, seq) : NULL;

    if (!lane) {
        int r = lane_new(lanes, route, record, hash, &lane);
        if (r)
            return r;
    } else if (lane_has_passed(lane, seq)) {
        return LANES_TOO_LATE;
    } else if (before && before->seq == seq) {
        return LANES_TAKEN;
    }
    place->seq = place->turn = seq;
    place->lane = lane;
    if (lanes->newest < seq)
        lanes->newest = seq;
    route->places++;
    lane_route_withdraw(lanes, route);
    if (lane->state == LANE_READY && heap_linked(&lane->ready))
        heap_remove(&route->ready, &lane->ready);
    lane_insert(lane, place, before);
    lane_enter(lanes, lane, before ? lane->state : LANE_READY);
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
    lane_enter(lanes, lane, LANE_FLYING);
    lane_route_offer(lanes, route);
    return TAILQ_FIRST(&lane->places);
}

bool lanes_would_start(const struct lanes *lanes, const struct lane_route *route)
{
    return !lanes->startable.first && lanes->in_flight < lanes->limit && !route->ready.first &&
           route->in_flight < route->limit;
}

static void lanes_move(struct lanes *lanes, const struct lane_place *place, enum lane_state state)
{
    struct lane *lane = place->lane;

    if (!lanes_is_head(place) || lane->state == state)
        return;
    lane_route_withdraw(lanes, lane->route);
    lane_enter(lanes, lane, state);
    lane_route_offer(lanes, lane->route);
}

bool lanes_is_head(const struct lane_place *place)
{
    return place->lane && place == TAILQ_FIRST(&place->lane->places);
}

struct lane_place *lanes_head(const struct lane_place *place)
{
    return TAILQ_FIRST(&place->lane->places);
}

struct lane_place *lanes_next(const struct lane_place *place)
{
    return TAILQ_NEXT(place, link);
}

bool lanes_is_last(const struct lane_place *place)
{
    return !place->lane || !TAILQ_NEXT(place, link);
}

void lanes_rest(struct lanes *lanes, struct lane_place *place)
{
    lanes_move(lanes, place, LANE_RESTING);
}

void lanes_ready(struct lanes *lanes, struct lane_place *place)
{
    if (lanes_is_head(place) && place->lane->state != LANE_READY)
        place->turn = lanes->newest + 1;
    lanes_move(lanes, place, LANE_READY);
}

void lanes_leave(struct lanes *lanes, struct lane_place *place)
{
    struct lane *lane = place->lane;
    struct lane_route *route = lane->route;
    bool head = place == TAILQ_FIRST(&lane->places);

    lane_route_withdraw(lanes, route);
    if (head) /* out of the heap, whose order its head decides */
        lane_enter(lanes, lane, LANE_RESTING);
    TAILQ_REMOVE(&lane->places, place, link);
    place->lane = NULL;
    route->places--;
    if (TAILQ_EMPTY(&lane->places))
        lane_free(lanes, lane);
    else if (head)
        lane_enter(lanes, lane, LANE_READY);
    lane_route_offer(lanes, route);
}
