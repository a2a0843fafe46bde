/* SPDX-License-Identifier: MIT */
/* What the relay says to a sender. Handlers say what happened; one table makes HTTP of it. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

enum reply {
    REPLY_DELIVERED,         /* Convex ran the mutation */
    REPLY_QUEUED,            /* not delivered yet, but stored */
    REPLY_QUEUED_AFTER,      /* the same, after attempts: with the last one's message */
    REPLY_UNAUTHORIZED,      /* the secret is missing, wrong, or there twice */
    REPLY_FAILED,            /* the mutation failed, or cannot be called like this */
    REPLY_UNAVAILABLE,       /* can be neither delivered nor stored */
    REPLY_BAD_REQUEST,       /* not JSON, or a request that is not well-formed HTTP */
    REPLY_TOO_LARGE,         /* the body */
    REPLY_ENCODED,           /* the body is, as by gzip */
    REPLY_HEADERS_TOO_LARGE, /* the header block */
    REPLY_NOT_FOUND,         /* no such path */
    REPLY_NOT_ALLOWED_GET,   /* the path is there, but only for GET */
    REPLY_NOT_ALLOWED_POST,  /* the path is there, but only for POST */
    REPLY_CODING_UNKNOWN,    /* a transfer coding other than chunked */
    REPLY_HEALTHY,
    REPLY_NOT_READY,
    REPLY_METRICS, /* the message is the page */
    REPLY_STATUS,  /* the same */
    REPLY_COUNT_,
};

struct reply_head {
    const char *name; /* for the log */
    int status;
    const char *content_type;
    const char *header; /* one more header, or NULL */
    const char *value;
    const char *body; /* NULL: made of a message, see reply_body() */
};

const struct reply_head *reply_head(enum reply reply);

/* Whether the message is the answer's body as it is. */
bool reply_is_page(enum reply reply);

/*
 * Appends {"error":<message>}; for a page the message alone; for REPLY_QUEUED_AFTER with success
 * and queued before it, written as JSON.stringify does. message is WTF-8. 0 or -ENOMEM.
 */
int reply_body(enum reply reply, struct span message, struct buf *out);
