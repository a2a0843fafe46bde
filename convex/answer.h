/* SPDX-License-Identifier: MIT */
/* What came back for one attempt, as the transport saw it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum {
    ANSWER_KEPT_BYTES_MAX = 1 << 20, /* of a body; what is longer is judged by its beginning */
    /* A body is read to its end, so that its connection can be used again, but no further than
     * this. Convex's largest, 16 MiB of value and 8 MiB of log lines, is below it with each byte
     * written as \u0000. */
    ANSWER_BYTES_MAX = 256 << 20,
    ANSWER_HEAD_BYTES_MAX = 64 << 10 /* of all header lines, those of 1xx answers too */
};

enum answer_kind {
    ANSWER_HTTP,       /* an HTTP answer: status and body are set. Of one that is not all there, the
                          body is what its beginning says (convex/beginning.h) */
    ANSWER_NOT_SENT,   /* DNS, connect or TLS failed: the request never left */
    ANSWER_LOST,       /* reset, end of stream or timeout after it was sent: it may have run; status
                          is set where the answer's head had arrived, else 0 */
    ANSWER_TOO_LONG,   /* status is set; the body is long, and its beginning does not decide */
    ANSWER_COMPRESSED, /* status is set; the body cannot be read, though none asked for that */
};

struct answer {
    enum answer_kind kind;
    int status;
    struct span body;       /* belongs to the transport, good until the callback returns */
    int64_t retry_after_ms; /* from Retry-After; -1 when there was none */
    bool untrusted;         /* ANSWER_NOT_SENT because of the certificate, Convex's or a CA's */
    const char *why;        /* kinds other than ANSWER_HTTP: one line for the log, no contents */
};

/* Whether Convex's clients look for an envelope, {"status":…}, in an answer of that status. */
static inline bool answer_is_envelope(int status)
{
    return (status >= 200 && status < 300) || status == 560;
}
