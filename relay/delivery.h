/* SPDX-License-Identifier: MIT */
/* One event on its way: what it is, where it stands, and what is on disk of it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/event.h"
#include "base/loop.h"
#include "outbox/outbox.h"
#include "relay/evidence.h"
#include "relay/lanes.h"
#include "relay/ticket.h"

struct attempt;
struct model;
struct relay;

/* What becomes of an event; who waits for what. One function moves it: delivery_enter(). */
enum delivery_state {
    DELIVERY_SPILLED,   /* only to be stored: it comes back with a page */
    DELIVERY_FETCHING,  /* an offer that has its place, and is being taken from the outbox */
    DELIVERY_WAITING,   /* in its lane; at its head, also for the disk */
    DELIVERY_IN_FLIGHT, /* an attempt is in flight */
    DELIVERY_RESTING,   /* an attempt failed, and a timer runs until the next */
    DELIVERY_SETTLING,  /* its fate is decided and being written */
    DELIVERY_STATES_,
};

/* What is on disk of it. */
enum delivery_row {
    DELIVERY_ROW_NONE,    /* nothing, and nobody is putting it there */
    DELIVERY_ROW_WRITING, /* submitted */
    DELIVERY_ROW_STORED,
};

/*
 * What may come together:
 *
 *   state      row               ticket
 *   SPILLED    WRITING           NONE, WAITING
 *   FETCHING   STORED            NONE; of a forced offer id is the new one, and its row has the old
 *   WAITING    any but NONE      any, NONE with an outbox only where a row is or may be
 *   IN_FLIGHT     any               any; NONE and no row: its sender was told 503
 *   RESTING    as WAITING
 *   SETTLING   any               any
 *
 * An event without a row whose sender has been told 503 lives on only while an attempt of its is in
 * flight. A WAITING one has no row where the outbox could not take it, until its ticket is due.
 * Without an outbox no event has a row.
 */
struct delivery {
    enum delivery_state state;
    enum delivery_row row;
    uint64_t id;
    struct event event;
    struct relay *relay;
    struct model *model; /* NULL: it was refused at the door, to be a letter */
    uint64_t made_for;   /* the route's generation that event.args were made for; 0: none */
    struct deliveries *all;
    struct lane_place place;
    struct ticket ticket;
    size_t bytes, unstored_bytes; /* of it, in those of all */

    struct attempt *attempt; /* while IN_FLIGHT; NULL: it is not begun yet, or over */
    int attempts;
    int strikes;                     /* attempts of this process that verdict.tries_max counts */
    struct blame blame, model_blame; /* before the gate of all, and before its model's */
    int64_t tried_ms;                /* wall clock; 0: never */
    int64_t since_ms;                /* mono; its age counts from here */
    struct buf reason;               /* why the last attempt failed */
    struct loop_timer timer; /* while RESTING; and SETTLING, until the disk is asked again */

    enum reply reply;   /* of a letter, once it is written */
    struct buf message; /* for that, whole */

    struct outbox_op append, note, fate; /* append: or how an offer is taken */
    struct buf noted; /* the reason as the note at hand has it: the outbox reads it meanwhile */
    TAILQ_ENTRY(delivery) link; /* all.list */
};
TAILQ_HEAD(delivery_list, delivery);

/* Those in memory. */
struct deliveries {
    struct relay *relay;
    struct loop *loop;
    struct tickets *tickets;
    struct delivery_list list; /* as they came into memory */
    size_t count;
    size_t bytes;          /* bodies, and arguments that are no part of one */
    size_t unstored_bytes; /* of events that are not on disk */
};

/* The pointers stay the caller's, and outlive what is in it. */
void deliveries_init(struct deliveries *deliveries, struct relay *relay, struct loop *loop,
                     struct tickets *tickets);

/*
 * WAITING, without a row or a place. Takes the event's bytes; *event is empty afterwards. request
 * may be NULL. NULL: out of memory, and nothing happened.
 */
struct delivery *delivery_new(struct deliveries *deliveries, struct event *event,
                              struct request *request);

/* It must have left its lane. */
struct delivery *delivery_free(struct delivery *delivery);

void delivery_enter(struct delivery *delivery, enum delivery_state state);
void delivery_set_row(struct delivery *delivery, enum delivery_row row);

/* What the event takes in memory has changed. */
void delivery_count_bytes(struct delivery *delivery);

/* Answers who waits, if anybody still does. */
void delivery_answer(struct delivery *delivery, enum reply reply, struct span message);

/* Nobody keeps it and nobody waits for it: it goes, unless Convex has it. */
bool delivery_is_forsaken(const struct delivery *delivery);
