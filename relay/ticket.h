/* SPDX-License-Identifier: MIT */
/*
 * A ticket: what a sender is owed, which is one answer.
 *
 *   NONE --ticket_open--> WAITING --its time is over--> DUE
 *                            '--------ticket_answer-------'--> NONE
 */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

#include "base/loop.h"
#include "handlers/request.h"

struct parcel;

enum ticket_state {
    TICKET_NONE,    /* no sender waits, or none any more */
    TICKET_WAITING, /* the sender waits for Convex, with a time or without one */
    TICKET_DUE,     /* SYNC_WAIT_MS is over: what the disk has decides the answer */
};

/* Embedded in the delivery that the answer is about. */
struct ticket {
    enum ticket_state state;
    struct request *request;             /* who waits for the answer; NULL while NONE ... */
    struct parcel *parcel;               /* ... or the parcel, to which the answer is a result */
    size_t place;                        /* in that parcel */
    char request_id[REQUEST_ID_MAX + 1]; /* for logs and Convex, also while NONE; empty: unknown */
    int64_t due_ms;                      /* mono; 0: no time was set, or it is over */
    TAILQ_ENTRY(ticket) link;            /* tickets.waiting, while due_ms is set */
};
TAILQ_HEAD(ticket_list, ticket);

struct tickets {
    struct loop *loop;
    int64_t wait_ms;                    /* how long each may wait for Convex */
    void (*due)(struct ticket *ticket); /* called once a ticket is DUE, to answer where it can */
    struct ticket_list waiting;         /* WAITING tickets that have a time, by due_ms */
    struct loop_timer timer;            /* runs until the first ticket of waiting is due */
    uint64_t answered;                  /* how many tickets were answered */
};

/* All tickets have the same wait_ms; 0: each is due at once. */
void tickets_init(struct tickets *tickets, struct loop *loop, int64_t wait_ms,
                  void (*due)(struct ticket *ticket));
void tickets_done(struct tickets *tickets);

/* Every ticket that waits with a time is due now, and so is every later one at once. */
void tickets_hurry(struct tickets *tickets);

/* The ticket is WAITING for this request; NULL: it stays NONE. */
void ticket_open(struct ticket *ticket, struct request *request);

/* The ticket is WAITING for a result of this parcel, at that place. */
void ticket_open_place(struct ticket *ticket, struct parcel *parcel, size_t place);

/* Names the request that brought an event in an earlier process. An id that is too long counts as
 * unknown. */
void ticket_name(struct ticket *ticket, struct span request_id);

/* A WAITING ticket becomes DUE after tickets.wait_ms. */
void ticket_set_time(struct tickets *tickets, struct ticket *ticket);

/* Answers the request or the parcel, and the ticket is NONE. Nothing where no sender waits. */
void ticket_answer(struct tickets *tickets, struct ticket *ticket, enum reply reply,
                   struct span message);

/* The ticket is NONE. Its request or place, if there is one, gets no answer. */
void ticket_drop(struct tickets *tickets, struct ticket *ticket);

/* The id of the request that brought the event; NULL: unknown. */
static inline const char *ticket_request_id(const struct ticket *ticket)
{
    return ticket->request_id[0] ? ticket->request_id : NULL;
}
