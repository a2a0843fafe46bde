/* SPDX-License-Identifier: MIT */
/* One HTTP request, as the handlers see it: embedded in what server/ keeps of the request. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "handlers/envelope.h"
#include "handlers/reply.h"
#include "handlers/request_id.h"

struct parcel_body;

enum { REQUEST_NOTE_MAX = 65 };

/* What an endpoint takes a body for. */
enum request_reads {
    REQUEST_BARE, /* the body is thrown away */
    REQUEST_EVENT,
    REQUEST_PARCEL,
};

/* Whose event a request brings, for the log alone. */
struct request_note {
    char model[REQUEST_NOTE_MAX];
    char operation[REQUEST_NOTE_MAX];
    char hive_id[REQUEST_NOTE_MAX];
    bool unrouted;
};

struct request {
    struct buf body;                 /* what has arrived of the body; a handler may take the buf */
    struct envelope envelope;        /* fed with the body, where the endpoint reads an event */
    struct parcel_body *parcel_body; /* the same where it reads a parcel, else NULL; may be taken */
    char id[REQUEST_ID_MAX + 1];
    struct request_note *note; /* NULL except at LOG_DEBUG; freed with the request */

    /*
     * Answers, to be called once: from inside the handler or later, on the loop. message is for the
     * replies whose body is made of one.
     */
    void (*reply)(struct request *request, enum reply reply, struct span message);
};

/* The body is going to arrive. 0 or -ENOMEM. */
int request_begin_body(struct request *request, enum request_reads reads);

/* The body has grown. */
void request_feed_body(struct request *request);

/* Frees what is here of the body. */
void request_done_body(struct request *request);

/* The memory that holds the body, and what was found in it. */
size_t request_body_bytes(const struct request *request);

static inline void request_reply(struct request *request, enum reply reply)
{
    request->reply(request, reply, SPAN_NULL);
}

static inline void request_reply_with(struct request *request, enum reply reply,
                                      struct span message)
{
    request->reply(request, reply, message);
}
