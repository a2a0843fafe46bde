/* SPDX-License-Identifier: MIT */
/*
 * Who may go next. Events of one record stand in one lane and go one at a time, in the order of
 * their arrival; lanes go side by side, as far as their route and the relay have room, and where
 * several could go, the event that came first does.
 *
 * Nothing here knows of Convex, HTTP or time.
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
struct lane_route;

/* A place in a lane, embedded in what waits there. */
struct lane_place {
    uint64_t seq; /* the order of arrival */
    struct lane *lane;
    TAILQ_ENTRY(lane_place) link;
};

struct lanes {
    struct table lanes;    /* by model and record */
    struct table routes;   /* by model */
    struct heap startable; /* routes with room and a lane that is ready, by what came first */
    uint64_t next_seq;
    int limit; /* of places taken by lanes_start() and not yet left by lanes_leave() */
    int in_flight;
    size_t waiting; /* places in all lanes, those in flight too */
};

/* limit: how many may be in flight at most. 0 or an -errno. */
int lanes_init(struct lanes *lanes, int limit);
/* Every place must have been left. */
void lanes_done(struct lanes *lanes);

/*
 * Takes the last place in the lane of (model, record); record.at == NULL: a lane of its own.
 * route_limit bounds what is in flight for the model from now on; 0: nothing but the whole does.
 * The spans are copied. 0 or -ENOMEM.
 */
int lanes_join(struct lanes *lanes, struct lane_place *place, struct span model, struct span record,
               int route_limit);

/* Who goes next, from now on in flight; NULL: nobody can. */
struct lane_place *lanes_start(struct lanes *lanes);

/* Leaves the lane, in flight or not: the one behind it may go. */
void lanes_leave(struct lanes *lanes, struct lane_place *place);
