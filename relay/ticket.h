/* SPDX-License-Identifier: MIT */
/*
 * What a sender is owed: an answer, once.
 *
 *   NONE --ticket_open--> WAITING --its time is over--> DUE
 *                            '--------ticket_answer-------'--> NONE
 */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

#include "base/loop.h"
#include "handlers/request.h"

enum ticket_state {
    TICKET_NONE,    /* nobody waits (any more) */
    TICKET_WAITING, /* for Convex */
    TICKET_DUE,     /* has waited for Convex long enough: what else is known decides */
};

/* Embedded in what the answer is about. */
struct ticket {
    enum ticket_state state;
    struct request *request;
    char request_id[REQUEST_ID_MAX + 1]; /* empty: not known */
    int64_t due_ms;                      /* 0: no time was set */
    TAILQ_ENTRY(ticket) link;
};
TAILQ_HEAD(ticket_list, ticket);

struct tickets {
    struct loop *loop;
    int64_t wait_ms;                    /* how long each may wait for Convex */
    void (*due)(struct ticket *ticket); /* a ticket is DUE; it may answer it */
    struct ticket_list waiting;         /* those with a time, in its order */
    struct loop_timer timer;
    uint64_t answered; /* how many were */
};

/* All tickets have the same wait. */
void tickets_init(struct tickets *tickets, struct loop *loop, int64_t wait_ms,
                  void (*due)(struct ticket *ticket));
void tickets_done(struct tickets *tickets);

/* Those that wait with a time are due now, and so is each that comes. */
void tickets_hurry(struct tickets *tickets);

/* request may be NULL: then the ticket stays NONE. */
void ticket_open(struct ticket *ticket, struct request *request);

/* The id of the request that has brought it, long ago. A longer one is none. */
void ticket_name(struct ticket *ticket, struct span request_id);

/* It becomes DUE when the wait is over. */
void ticket_set_time(struct tickets *tickets, struct ticket *ticket);

/* Nothing where nobody waits. */
void ticket_answer(struct tickets *tickets, struct ticket *ticket, enum reply reply,
                   struct span message);

/* Whoever waits is forgotten, unanswered. */
void ticket_drop(struct tickets *tickets, struct ticket *ticket);

/* NULL: not known. */
static inline const char *ticket_request_id(const struct ticket *ticket)
{
    return ticket->request_id[0] ? ticket->request_id : NULL;
}
