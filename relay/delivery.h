/* SPDX-License-Identifier: MIT */
/* A delivery: one event on its way, with a state, a place in a lane, a ticket and a row. */
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

/* What an event waits for. delivery_enter() alone moves it from state to state. */
enum delivery_state {
    DELIVERY_STORING,   /* for the disk, without a place: gets one then, or a page brings it back */
    DELIVERY_FETCHING,  /* an offer that the outbox makes pending */
    DELIVERY_WAITING,   /* in its lane for a slot; at the lane's head maybe for the disk */
    DELIVERY_IN_FLIGHT, /* for Convex: an attempt is in flight */
    DELIVERY_RESTING,   /* for a timer, or a gate that opens: an attempt failed */
    DELIVERY_SETTLING,  /* for the disk: its fate is decided and being written */
    DELIVERY_STATES_,
};

/* Whether the event has a row in the outbox. */
enum delivery_row {
    DELIVERY_ROW_NONE,    /* no, and none is being written: no outbox, withdrawn, or refused */
    DELIVERY_ROW_WRITING, /* the append is submitted; what is submitted later is done later */
    DELIVERY_ROW_STORED,  /* yes, on disk */
};

/*
 * Which combinations there are:
 *
 *   state       row            ticket
 *   STORING     WRITING        any
 *   FETCHING    STORED         NONE
 *   WAITING     any            any; but with an outbox, not NONE where the row is NONE
 *   IN_FLIGHT   any            any
 *   RESTING     as WAITING
 *   SETTLING    any            any
 *
 * A forced offer that is FETCHING has its new id already, while the row still has the old one.
 * Where the outbox is a journal, that offer and events that are STORING have neither id nor place.
 * With an outbox, the row of an event is NONE if the disk refused the append, or if Convex was
 * faster. If the disk refused, the sender is told 503 once the ticket is due, and the event then
 * lives on only while an attempt is in flight. Without an outbox every row is NONE.
 */
struct delivery {
    enum delivery_state state;
    enum delivery_row row;
    uint64_t id; /* 0: the outbox, a journal, gives it with the row */
    struct event event;
    struct relay *relay;
    struct model *model; /* NULL: the handlers refused the event, which goes straight to letters */
    uint64_t made_for;   /* model.generation that event.args were made for; 0: none yet */
    struct deliveries *all;
    struct lane_place place;
    struct ticket ticket;
    struct outbox_group *group; /* that the row, or the letter, is being written with; NULL: none */
    size_t bytes;               /* the event's part of all.bytes */
    size_t unstored_bytes;      /* the event's part of all.unstored_bytes */

    int company; /* 0: any; else a batch with this event has failed, and so many may go together */
    struct attempt *attempt;  /* the one in flight; NULL: none */
    int attempts;             /* begun so far, also in earlier processes */
    int strikes;              /* failures in this process that count against verdict.tries_max */
    struct blame blame;       /* what the upstream gate holds against the event */
    struct blame model_blame; /* what the model's gate holds against the event */
    int64_t tried_ms;         /* wall clock; when the last attempt began; 0: never */
    int64_t since_ms;         /* mono; the event's age counts from here */
    struct buf reason;        /* why the last attempt failed, cut to CORE_REASON_MAX */
    struct loop_timer timer;  /* while RESTING, or SETTLING until the disk is asked again; in a
                                 journal until the sender has waited long enough for the disk */

    enum reply reply;   /* while SETTLING: the sender's answer once the fate is written */
    struct buf message; /* the whole message of that answer */

    struct outbox_op append;      /* stores the event; takes or refuses an offer */
    struct outbox_op note;        /* stores why an attempt failed */
    struct outbox_op fate;        /* stores that the event was delivered, or died */
    struct buf noted;             /* a copy of the reason, which note points at */
    TAILQ_ENTRY(delivery) link;   /* all.list */
    TAILQ_ENTRY(delivery) beside; /* the deliveries of one attempt */
};
TAILQ_HEAD(delivery_list, delivery);

/* All deliveries: the events in memory. */
struct deliveries {
    struct relay *relay;
    struct loop *loop;
    struct tickets *tickets;
    struct allocator *allocator;
    struct delivery_list list; /* in the order in which they came into memory */
    size_t count;
    size_t bytes;          /* of bodies, and of arguments that are no slice of one */
    size_t unstored_bytes; /* the part of bytes whose events have no row on disk; of parcels, all
                              that these take */
};

/* The pointers stay the caller's, and must outlive every delivery. */
void deliveries_init(struct deliveries *deliveries, struct relay *relay, struct loop *loop,
                     struct tickets *tickets, struct allocator *allocator);

/*
 * A delivery that is WAITING, without a row or a place. Takes the event's bytes and leaves *event
 * empty. request: whose ticket it has; may be NULL. NULL: out of memory, and nothing happened.
 */
struct delivery *delivery_new(struct deliveries *deliveries, struct event *event,
                              struct request *request);

/* Takes NULL, and returns NULL. The delivery must have left its lane, and have no attempt. */
struct delivery *delivery_free(struct delivery *delivery);

/* The delivery's ticket is for a result of that parcel. */
void delivery_open_place(struct delivery *delivery, struct parcel *parcel, size_t place);

/* Moves the delivery to a state that may follow the present one, and clears its timer. */
void delivery_enter(struct delivery *delivery, enum delivery_state state);

/* Sets delivery.row, and corrects the sums of unstored bytes. */
void delivery_set_row(struct delivery *delivery, enum delivery_row row);

/* To be called when the event's body or arguments have changed: corrects the sums of bytes. */
void delivery_count_bytes(struct delivery *delivery);

/* Answers the sender, if one still waits, and frees delivery.message. */
void delivery_answer(struct delivery *delivery, enum reply reply, struct span message);

/* Whether the event has no row and no sender that waits: nothing is owed for it. */
bool delivery_is_forsaken(const struct delivery *delivery);
