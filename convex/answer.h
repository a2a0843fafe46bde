/* SPDX-License-Identifier: MIT */
/* What came back for one call, as the transport saw it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum {
    ANSWER_KEPT_BYTES_MAX = 1 << 20, /* of a body; a longer one is judged by its beginning */
    /* A body is read to its end, so that the connection can be used again, but no further than
     * here. Convex's largest, 16 MiB of value and 8 MiB of log lines, stays below with each byte
     * written as \u0000. */
    ANSWER_BYTES_MAX = 256 << 20,
    ANSWER_HEAD_BYTES_MAX = 64 << 10 /* of all header lines, those of 1xx answers too */
};

enum answer_kind {
    ANSWER_HTTP,       /* status and body are set; where a part of the body is missing, the body is
                          what its beginning says (convex/beginning.h) */
    ANSWER_NOT_SENT,   /* DNS, connect or TLS failed: the request never left */
    ANSWER_LOST,       /* reset, end of stream or timeout after the request was sent: the mutation
                          may have run; status is set where the answer's head had arrived, else 0 */
    ANSWER_TOO_LONG,   /* status is set; the body is long, and its beginning does not decide */
    ANSWER_COMPRESSED, /* status is set; the body cannot be read */
};

struct answer {
    enum answer_kind kind;
    int status;
    struct span body;       /* belongs to the transport, good until the callback returns */
    struct span date;       /* of the answer's head, as sent; belongs to the transport as body does;
                               SPAN_NULL: no head has come, or none with a Date */
    int64_t retry_after_ms; /* from Retry-After; -1: none */
    bool untrusted;         /* ANSWER_NOT_SENT: Convex's certificate, or a CA's, is to blame */
    const char *why;        /* kinds other than ANSWER_HTTP: one line for the log, no contents */
};

/* Whether Convex's clients look for an envelope, {"status":…}, in an answer of this status. */
static inline bool answer_is_envelope(int status)
{
    return (status >= 200 && status < 300) || status == 560;
}
