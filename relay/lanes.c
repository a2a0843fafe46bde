/* SPDX-License-Identifier: MIT */
/*
 * Lanes and groups.
 *
 *   a lane:   READY --lanes_start--> IN_FLIGHT --lanes_rest--> RESTING --lanes_ready--> READY
 *             READY --lanes_go_along--> ALONG --lanes_rest--> RESTING
 *             READY --lanes_rest--> RESTING
 *             any state --lanes_leave of the head--> READY, or gone where no place is left
 *
 * A lane is in its group's heap exactly while the lane is READY. A group is in lanes.startable
 * exactly while the group has a ready lane and its limit leaves room.
 */
#include "relay/lanes.h"

#include <errno.h>
#include <stdlib.h>

#include "base/allocator.h"
#include "base/error.h"
#include "base/util.h"

/* The bit of a rank that puts an idle place behind all live ones: no id is as high. */
#define LANE_RANK_IDLE (UINT64_C(1) << 63)

enum lane_state { LANE_READY, LANE_IN_FLIGHT, LANE_ALONG, LANE_RESTING };

struct lane {
    struct table_node node;
    struct heap_node ready;
    struct lane_group *group;
    struct buf record;
    bool named; /* in the table, where later events of the record find the lane */
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

    return x->rank != y->rank ? x->rank < y->rank : x->id < y->id;
}

static bool lane_group_before(const struct heap_node *a, const struct heap_node *b)
{
    return lane_before(container_of(a, struct lane_group, startable)->ready.first,
                       container_of(b, struct lane_group, startable)->ready.first);
}

int lanes_init(struct lanes *out, int limit, struct allocator *allocator)
{
    struct lanes lanes = {
        .allocator = allocator, .limit = limit, .startable = {.before = lane_group_before}};
    int r = table_init(&lanes.table);

    if (r == 0)
        *out = lanes;
    return r;
}

void lanes_done(struct lanes *lanes)
{
    table_done(&lanes->table);
}

void lane_group_init(struct lane_group *group, int limit)
{
    *group = (struct lane_group){.ready = {.before = lane_before}, .limit = limit};
}

/*
 * While a group stands in lanes.startable, the rank of its first head must not change. So a group
 * is taken out before its ready heap or room changes, and put back afterwards.
 */
static void lane_group_delist(struct lanes *lanes, struct lane_group *group)
{
    if (heap_linked(&group->startable))
        heap_remove(&lanes->startable, &group->startable);
}

static void lane_group_enlist(struct lanes *lanes, struct lane_group *group)
{
    if (group->ready.first && group->in_flight < group->limit)
        heap_push(&lanes->startable, &group->startable);
}

void lanes_set_group_limit(struct lanes *lanes, struct lane_group *group, int limit)
{
    if (group->limit == limit)
        return;
    lane_group_delist(lanes, group);
    group->limit = limit;
    lane_group_enlist(lanes, group);
}

/* Moves a lane to another state. The caller has withdrawn the lane's group. */
static void lane_enter(struct lanes *lanes, struct lane *lane, enum lane_state state)
{
    int in_flight = (state == LANE_IN_FLIGHT) - (lane->state == LANE_IN_FLIGHT);

    if (lane->state == LANE_READY && heap_linked(&lane->ready))
        heap_remove(&lane->group->ready, &lane->ready);
    lane->group->in_flight += in_flight;
    lanes->in_flight += in_flight;
    lane->state = state;
    if (state == LANE_READY && !TAILQ_EMPTY(&lane->places))
        heap_push(&lane->group->ready, &lane->ready);
}

/* ---- finding and making ---- */

static struct span lane_group_key(struct lane_group *const *group)
{
    return (struct span){(const char *)group, sizeof(struct lane_group *)};
}

static struct lane *lane_find(struct lanes *lanes, const struct lane_group *group,
                              struct span record, uint64_t hash)
{
    struct table_node *node = table_first(&lanes->table, hash);

    for (; node; node = table_next(node)) {
        struct lane *lane = container_of(node, struct lane, node);
        if (lane->group == group && span_eq(buf_span(&lane->record), record))
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

/* Makes a lane without places, which is READY and in no heap. */
static int lane_new(struct lanes *lanes, struct lane_group *group, struct span record,
                    uint64_t hash, struct lane **out)
{
    struct lane *lane = allocator_alloc(lanes->allocator, sizeof(*lane));
    int r = 0;

    if (!lane)
        return error_origin(-ENOMEM);
    TAILQ_INIT(&lane->places);
    lane->group = group;
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

/* Takes the idle rank from the offers of a lane: a live event joins behind them, and must not wait
 * for an idle moment. */
static void lane_hurry(struct lane *lane)
{
    struct lane_place *place = TAILQ_LAST(&lane->places, lane_places);

    for (; place && place->rank & LANE_RANK_IDLE; place = TAILQ_PREV(place, lane_places, link))
        place->rank &= ~LANE_RANK_IDLE;
}

int lanes_join(struct lanes *lanes, struct lane_group *group, struct lane_place *place, uint64_t id,
               struct span record, enum lanes_haste haste)
{
    uint64_t hash = table_hash(&lanes->table, lane_group_key(&group), record);
    struct lane *lane = record.at ? lane_find(lanes, group, record, hash) : NULL;

    if (!lane) {
        int r = lane_new(lanes, group, record, hash, &lane);
        if (r)
            return r;
    } else if (TAILQ_LAST(&lane->places, lane_places)->id >= id) {
        return LANES_OVERTAKEN;
    }
    place->id = id;
    place->rank = haste == LANES_IDLE ? LANE_RANK_IDLE | id : id;
    place->lane = lane;
    if (lanes->newest < id)
        lanes->newest = id;
    group->places++;
    lane_group_delist(lanes, group);
    /* lane_hurry() may change the rank of the head: the lane leaves its heap meanwhile. */
    if (lane->state == LANE_READY && heap_linked(&lane->ready))
        heap_remove(&group->ready, &lane->ready);
    if (haste == LANES_LIVE)
        lane_hurry(lane);
    TAILQ_INSERT_TAIL(&lane->places, place, link);
    lane_enter(lanes, lane, lane->state); /* back into the heap, if the lane is READY */
    lane_group_enlist(lanes, group);
    return 0;
}

struct lane_place *lanes_start(struct lanes *lanes)
{
    if (lanes->in_flight >= lanes->limit || !lanes->startable.first)
        return NULL;

    struct lane_group *group = container_of(lanes->startable.first, struct lane_group, startable);
    struct lane *lane = container_of(group->ready.first, struct lane, ready);
    lane_group_delist(lanes, group);
    lane_enter(lanes, lane, LANE_IN_FLIGHT);
    lane_group_enlist(lanes, group);
    return TAILQ_FIRST(&lane->places);
}

static void lanes_move(struct lanes *lanes, const struct lane_place *place, enum lane_state state)
{
    struct lane *lane = place->lane;

    if (!lanes_is_head(place) || lane->state == state)
        return;
    lane_group_delist(lanes, lane->group);
    lane_enter(lanes, lane, state);
    lane_group_enlist(lanes, lane->group);
}

struct lane_place *lanes_next(const struct lane_group *group)
{
    return group->ready.first
               ? TAILQ_FIRST(&container_of(group->ready.first, struct lane, ready)->places)
               : NULL;
}

void lanes_go_along(struct lanes *lanes, struct lane_place *place)
{
    lanes_move(lanes, place, LANE_ALONG);
}

bool lanes_would_start(const struct lanes *lanes, const struct lane_group *group)
{
    return !lanes->startable.first && lanes->in_flight < lanes->limit && !group->ready.first &&
           group->in_flight < group->limit;
}

int lanes_free(const struct lanes *lanes, const struct lane_group *group)
{
    int of_all = lanes->limit - lanes->in_flight;
    int of_group = group->limit - group->in_flight;
    int n = of_all < of_group ? of_all : of_group;

    return n > 0 ? n : 0;
}

bool lanes_is_head(const struct lane_place *place)
{
    return place->lane && place == TAILQ_FIRST(&place->lane->places);
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
        place->rank = (place->rank & LANE_RANK_IDLE) | (lanes->newest + 1);
    lanes_move(lanes, place, LANE_READY);
}

void lanes_leave(struct lanes *lanes, struct lane_place *place)
{
    struct lane *lane = place->lane;
    struct lane_group *group = lane->group;
    bool head = place == TAILQ_FIRST(&lane->places);

    lane_group_delist(lanes, group);
    if (head) /* takes the lane out of the heap, whose order the head decides */
        lane_enter(lanes, lane, LANE_RESTING);
    TAILQ_REMOVE(&lane->places, place, link);
    place->lane = NULL;
    group->places--;
    if (TAILQ_EMPTY(&lane->places))
        lane_free(lanes, lane);
    else if (head)
        lane_enter(lanes, lane, LANE_READY);
    lane_group_enlist(lanes, group);
}
