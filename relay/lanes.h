/* SPDX-License-Identifier: MIT */
/*
 * Lanes: which event may go next.
 *
 * The events of one record stand in one lane and go one at a time, by rising id. The lanes of one
 * model form a group. Lanes go side by side, as far as the limit of their group and the limit of
 * all groups allow. Of several heads that could go, the lowest rank goes first: an event's rank is
 * the id; a head that has rested gets a rank behind all others; an event that joined for idle
 * moments ranks behind all live ones, until a live event joins its lane.
 *
 * Nothing here knows of Convex, HTTP, disks or time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/heap.h"
#include "base/span.h"
#include "base/table.h"

struct lane;

enum { LANES_OVERTAKEN = 1 }; /* of lanes_join() */

enum lanes_haste {
    LANES_LIVE, /* an event that arrived, or that a page brought */
    LANES_IDLE, /* an offer: all live events that could go do so first */
};

/* A place in a lane, embedded in the delivery that stands there. */
struct lane_place {
    uint64_t id;       /* rises from place to place of a lane */
    uint64_t rank;     /* among the heads of lanes: the lowest goes first */
    struct lane *lane; /* NULL: none */
    TAILQ_ENTRY(lane_place) link;
};

/* The lanes of one model, embedded in struct model. */
struct lane_group {
    struct heap_node startable; /* in lanes.startable */
    struct heap ready;          /* lanes whose heads could go, by the rank of the heads */
    int limit;                  /* of heads in flight; 0: none may go */
    int in_flight;              /* lanes whose head is in flight */
    size_t places;              /* how many stand in the group's lanes */
};

struct lanes {
    struct allocator *allocator;
    struct table table;    /* lanes, by group and record */
    struct heap startable; /* groups with room and a ready lane, by the rank of their first head */
    int limit;             /* of heads in flight, of all groups; 0: none may go */
    int in_flight;         /* lanes whose head is in flight */
    uint64_t newest;       /* the highest id that has joined */
};

/* The allocator stays the caller's. 0 or an -errno. */
int lanes_init(struct lanes *lanes, int limit, struct allocator *allocator);

/* Every place must have been left. */
void lanes_done(struct lanes *lanes);

void lane_group_init(struct lane_group *group, int limit);

/* Attempts in flight above a lower limit go on. */
void lanes_set_group_limit(struct lanes *lanes, struct lane_group *group, int limit);

/*
 * Puts the place at the end of the record's lane; record.at == NULL: in a lane of its own. 0;
 * LANES_OVERTAKEN: an id that is not lower stands in that lane already, and nothing happened; or
 * -ENOMEM. The record's bytes are copied.
 */
int lanes_join(struct lanes *lanes, struct lane_group *group, struct lane_place *place, uint64_t id,
               struct span record, enum lanes_haste haste);

/* The place that goes next, and is in flight from now on; NULL: none may go. */
struct lane_place *lanes_start(struct lanes *lanes);

/* The ready head of the group that would go first, whatever room there is; NULL: none is ready. */
struct lane_place *lanes_next(const struct lane_group *group);

/* A ready head goes along with another head that is in flight, and takes no room. */
void lanes_go_along(struct lanes *lanes, struct lane_place *place);

/* Whether no head can go now, while a head of the group would go at once on becoming ready: slots
 * are free, and nothing wants them. */
bool lanes_would_start(const struct lanes *lanes, const struct lane_group *group);

/* How many more heads of the group both limits would let be in flight. */
int lanes_free(const struct lanes *lanes, const struct lane_group *group);

/* Whether the place stands first in its lane; false in no lane. */
bool lanes_is_head(const struct lane_place *place);

/* Whether no place stands behind this one in its lane; true in no lane. */
bool lanes_is_last(const struct lane_place *place);

/*
 * The head of a lane rests: the head is not in flight any more, and the whole lane stands still
 * until lanes_ready() or lanes_leave(). If the place is not a head, nothing happens. A head that is
 * an offer still being fetched rests, too.
 */
void lanes_rest(struct lanes *lanes, struct lane_place *place);

/* The head of a lane, which rests or was in flight, may go again, but behind all heads that are
 * ready: otherwise events that fail again and again would keep all others from going. */
void lanes_ready(struct lanes *lanes, struct lane_place *place);

/* Takes the place out of its lane, in flight or not. Where the head leaves, the next one is
 * ready. */
void lanes_leave(struct lanes *lanes, struct lane_place *place);
