/* SPDX-License-Identifier: MIT */
/*
 * Who may go next. Events of one record stand in one lane and go one at a time, in the order of
 * their arrival; lanes go side by side, as far as their route and the whole have room, and where
 * several could go, the event that came first does; one that has rested comes behind those there.
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

enum { LANES_TOO_LATE = 1, LANES_TAKEN };

/* A place in a lane, embedded in what waits there. */
struct lane_place {
    uint64_t seq;  /* the order of arrival */
    uint64_t turn; /* among the heads of lanes: seq, or behind all that were there after a rest */
    bool tried;    /* it may have gone before: nothing older goes before it any more */
    struct lane *lane;
    TAILQ_ENTRY(lane_place) link;
};

/* The lanes of one model, embedded in what is known of its route. */
struct lane_route {
    struct heap_node startable;
    struct heap ready; /* lanes, by the turn of their heads */
    int limit;         /* of those in flight; 0: none goes */
    int in_flight;
    size_t places;
};

struct lanes {
    struct table table;    /* lanes, by route and record */
    struct heap startable; /* routes with room and a lane that is ready, by what came first */
    int limit;             /* of those in flight, of all routes; 0: none goes */
    int in_flight;
    uint64_t newest; /* seq of all so far */
};

/* 0 or an -errno. */
int lanes_init(struct lanes *lanes, int limit);
/* Every place must have been left. */
void lanes_done(struct lanes *lanes);

void lane_route_init(struct lane_route *route, int limit);
void lanes_set_route_limit(struct lanes *lanes, struct lane_route *route, int limit);

/*
 * Takes the place that seq has in the lane of the record; record.at == NULL: a lane of its own. 0;
 * LANES_TOO_LATE: the first in the lane that is under way, or may have been, came later;
 * LANES_TAKEN: somebody has that place; or -ENOMEM. The span is copied.
 */
int lanes_join(struct lanes *lanes, struct lane_route *route, struct lane_place *place,
               uint64_t seq, struct span record);

/* Who goes next, from now on in flight; NULL: nobody can. */
struct lane_place *lanes_start(struct lanes *lanes);

/* Whether somebody of the route who became ready now would go at once, as the next one. */
bool lanes_would_start(const struct lanes *lanes, const struct lane_route *route);

bool lanes_is_head(const struct lane_place *place);

/* The lane's first place; the one behind a place, NULL: nobody is. */
struct lane_place *lanes_head(const struct lane_place *place);
struct lane_place *lanes_next(const struct lane_place *place);

/* Nobody is behind it, at the moment. */
bool lanes_is_last(const struct lane_place *place);

/*
 * The head of a lane is not in flight any more, if it was; nobody in the lane may go until it is
 * ready or has left, or is not the head any more. Nothing, if it is not the head.
 */
void lanes_rest(struct lanes *lanes, struct lane_place *place);

/* The head of a lane, which rests or was in flight, may go again: after the others that are there,
 * or those that fail again and again would keep everybody else from going. */
void lanes_ready(struct lanes *lanes, struct lane_place *place);

/* Leaves the lane, in flight or not: if it was the head, the one behind it may go. */
void lanes_leave(struct lanes *lanes, struct lane_place *place);
