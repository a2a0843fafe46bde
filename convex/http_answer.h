/* SPDX-License-Identifier: MIT */
/* Reads the HTTP/1.1 answer to a POST as it comes, in pieces of any size (RFC 9112). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "convex/answer.h"

enum http_answer_outcome {
    HTTP_ANSWER_WHOLE = 1,
    HTTP_ANSWER_ENDLESS, /* the body is longer than ANSWER_BYTES_MAX */
    HTTP_ANSWER_BROKEN,  /* the answer ended too soon, or is no HTTP */
};

/* A date of RFC 9110 in any of its three forms fits; what is longer is none. */
enum { HTTP_ANSWER_DATE_MAX = 40 };

enum http_answer_state {
    HTTP_ANSWER_AT_STATUS,
    HTTP_ANSWER_AT_HEADER,
    HTTP_ANSWER_AT_CHUNK,
    HTTP_ANSWER_AT_CHUNK_END,
    HTTP_ANSWER_AT_TRAILER,
    /* From here on no lines are read. */
    HTTP_ANSWER_IN_CHUNK,
    HTTP_ANSWER_IN_BODY,
    HTTP_ANSWER_UNTIL_END,
    HTTP_ANSWER_AT_END,
};

/* To be all zero before the first http_answer_reset(). */
struct http_answer {
    int status;             /* 0 until the head is whole; never a 1xx */
    struct buf body;        /* the body's beginning; empty where it is compressed */
    uint64_t body_bytes;    /* how many of the body's bytes have come */
    const char *compressed; /* one line for the log; NULL: the body is not compressed */
    int64_t retry_after_ms; /* -1: none */
    struct span date;       /* the value of Date as it came; SPAN_NULL: there is none */
    bool keeps;             /* once whole: the connection may carry another request */
    const char *why;        /* once broken or endless: one line for the log, no contents */
    /* private: */
    enum http_answer_state state;
    struct buf line;   /* the beginning of a line whose end has not come */
    size_t head_bytes; /* of head, 1xx heads and trailer, for ANSWER_HEAD_BYTES_MAX */
    uint64_t left;     /* of the body, or of the chunk */
    int head_status;   /* of the head that is being read */
    uint64_t length;   /* by Content-Length */
    bool has_length;
    bool chunked;
    bool closes; /* the head says that the connection ends with the answer */
    char date_bytes[HTTP_ANSWER_DATE_MAX];
};

/* Makes ready for the next answer, and keeps the memory of the body. */
void http_answer_reset(struct http_answer *answer);
void http_answer_done(struct http_answer *answer);

/* Takes the bytes that came. 0: more must come; an outcome; or -ENOMEM. */
int http_answer_take(struct http_answer *answer, struct span bytes);
/* The stream has ended in good order: HTTP_ANSWER_WHOLE or HTTP_ANSWER_BROKEN. */
int http_answer_end(struct http_answer *answer);
