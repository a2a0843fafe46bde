/* SPDX-License-Identifier: MIT */
/* One HTTP request, as the handlers see it: embedded in what server/ keeps of the request. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "handlers/envelope.h"
#include "handlers/reply.h"
#include "handlers/request_id.h"

enum { REQUEST_NOTE_MAX = 65 };

/* Whose event a request brings, for the log alone. */
struct request_note {
    char model[REQUEST_NOTE_MAX];
    char operation[REQUEST_NOTE_MAX];
    char hive_id[REQUEST_NOTE_MAX];
    bool unrouted;
};

struct request {
    struct buf body;          /* what has arrived of the body; a handler may take the buf */
    struct envelope envelope; /* fed with the body, where the endpoint reads_envelope */
    char id[REQUEST_ID_MAX + 1];
    struct request_note *note; /* NULL except at LOG_DEBUG; freed with the request */

    /*
     * Answers, to be called once: from inside the handler or later, on the loop. message is for the
     * replies whose body is made of one.
     */
    void (*reply)(struct request *request, enum reply reply, struct span message);
};

static inline void request_reply(struct request *request, enum reply reply)
{
    request->reply(request, reply, SPAN_NULL);
}

static inline void request_reply_with(struct request *request, enum reply reply,
                                      struct span message)
{
    request->reply(request, reply, message);
}
