/* SPDX-License-Identifier: MIT */
/*
 * Who may go next. Events of one record stand in one lane and go one at a time, by their ids; lanes
 * go side by side, as far as their group and the whole have room. Of several heads that could go
 * the lowest id does, but one that has rested comes behind those there, and one that joined for
 * idle moments behind all others, as long as nobody else stands in its lane.
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

enum { LANES_OVERTAKEN = 1 };

enum lanes_haste {
    LANES_LIVE,
    LANES_IDLE, /* whoever else could go goes first */
};

/* A place in a lane, embedded in what waits there. */
struct lane_place {
    uint64_t id;   /* ids of a lane rise */
    uint64_t rank; /* among the heads of lanes: the lowest goes first */
    struct lane *lane;
    TAILQ_ENTRY(lane_place) link;
};

/* The lanes of one model, embedded in what is known of it. */
struct lane_group {
    struct heap_node startable;
    struct heap ready; /* lanes, by the turn of their heads */
    int limit;         /* of those in flight; 0: none goes */
    int in_flight;
    size_t places;
};

struct lanes {
    struct table table;    /* lanes, by group and record */
    struct heap startable; /* groups with room and a lane that is ready, by what goes first */
    int limit;             /* of those in flight, of all groups; 0: none goes */
    int in_flight;
    uint64_t newest; /* the highest id so far */
};

/* 0 or an -errno. */
int lanes_init(struct lanes *lanes, int limit);
/* Every place must have been left. */
void lanes_done(struct lanes *lanes);

void lane_group_init(struct lane_group *group, int limit);
void lanes_set_group_limit(struct lanes *lanes, struct lane_group *group, int limit);

/*
 * Takes the place at the end of the record's lane; record.at == NULL: a lane of its own. 0;
 * LANES_OVERTAKEN: a higher id stands there already; or -ENOMEM. The span is copied.
 */
int lanes_join(struct lanes *lanes, struct lane_group *group, struct lane_place *place, uint64_t id,
               struct span record, enum lanes_haste haste);

/* Who goes next, from now on in flight; NULL: nobody can. */
struct lane_place *lanes_start(struct lanes *lanes);

/* Whether somebody of the group who became ready now would go at once, as the next one. */
bool lanes_would_start(const struct lanes *lanes, const struct lane_group *group);

/* How many of the group could be started now, if they were there. */
int lanes_free(const struct lanes *lanes, const struct lane_group *group);

bool lanes_is_head(const struct lane_place *place);

/* Nobody is behind it, at the moment. */
bool lanes_is_last(const struct lane_place *place);

/*
 * The head of a lane is not in flight any more, if it was; nobody in the lane may go until it is
 * ready or has left, or is not the head any more. Nothing, if it is not the head. Also of a head
 * that is still being fetched: who brings it calls lanes_ready().
 */
void lanes_rest(struct lanes *lanes, struct lane_place *place);

/* The head of a lane, which rests or was in flight, may go again: after the others that are there,
 * or those that fail again and again would keep everybody else from going. */
void lanes_ready(struct lanes *lanes, struct lane_place *place);

/* Leaves the lane, in flight or not: if it was the head, the one behind it may go. */
void lanes_leave(struct lanes *lanes, struct lane_place *place);
