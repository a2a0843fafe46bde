/* SPDX-License-Identifier: MIT */
/* The answers to requests. Handlers say what happened; a table makes HTTP of that. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

enum reply {
    REPLY_DELIVERED,         /* Convex ran the mutation */
    REPLY_QUEUED,            /* not delivered yet, but stored */
    REPLY_QUEUED_AFTER,      /* the same, with the message of the last attempt */
    REPLY_RESULTS,           /* of a parcel; the message is the page */
    REPLY_RESULTS_QUEUED,    /* the same, where every event is queued */
    REPLY_UNAUTHORIZED,      /* the secret is missing, wrong, or there twice */
    REPLY_FAILED,            /* the mutation failed, or cannot take the data */
    REPLY_UNAVAILABLE,       /* the event can be neither delivered nor stored */
    REPLY_BAD_REQUEST,       /* not JSON, or a request that is not well-formed HTTP */
    REPLY_TOO_LARGE,         /* the body is too large */
    REPLY_TOO_MANY,          /* the parcel has too many events, or makes too much of its body */
    REPLY_ENCODED,           /* the body has a Content-Encoding, as gzip */
    REPLY_HEADERS_TOO_LARGE, /* the header block is too large */
    REPLY_NOT_FOUND,         /* no such path */
    REPLY_NOT_ALLOWED_GET,   /* the path is there, but only for GET */
    REPLY_NOT_ALLOWED_POST,  /* the path is there, but only for POST */
    REPLY_CODING_UNKNOWN,    /* a transfer coding other than chunked */
    REPLY_HEALTHY,
    REPLY_NOT_READY,
    /* Pages, whose body is the message: reply_is_page() names them. */
    REPLY_METRICS,
    REPLY_STATUS,
    REPLY_COUNT_,
};

struct reply_head {
    const char *name; /* for the log */
    int status;
    const char *content_type;
    const char *header; /* one more header, with value; or NULL */
    const char *value;
    const char *body; /* NULL: reply_body() makes it of a message */
};

const struct reply_head *reply_head(enum reply reply);

/* Whether the message itself is the body of the answer. */
bool reply_is_page(enum reply reply);

/*
 * Appends a body: {"error":<message>}, for REPLY_QUEUED_AFTER with success and queued before error;
 * for a page the message alone. message is WTF-8, written as JSON.stringify does. 0 or -ENOMEM.
 */
int reply_body(enum reply reply, struct span message, struct buf *out);
