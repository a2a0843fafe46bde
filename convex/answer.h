/* SPDX-License-Identifier: MIT */
/* What came back for one attempt, as the transport saw it. */
#pragma once

#include <stdint.h>

#include "base/span.h"

enum {
    ANSWER_BYTES_MAX = 1 << 20,      /* a longer body is cut off */
    ANSWER_HEAD_BYTES_MAX = 64 << 10 /* of all header lines, those of 1xx answers too */
};

enum answer_kind {
    ANSWER_HTTP,     /* a whole HTTP answer: status and body are set */
    ANSWER_NOT_SENT, /* DNS, connect or TLS failed: the request never left */
    ANSWER_LOST,     /* reset, end of stream or timeout after it was sent: it may have run; status
                        is set where the answer's head had arrived, else 0 */
    ANSWER_TOO_LONG, /* the answer's head arrived (status is set), its body was cut off */
};

struct answer {
    enum answer_kind kind;
    int status;
    struct span body;       /* belongs to the transport, good until the callback returns */
    int64_t retry_after_ms; /* from Retry-After; -1 when there was none */
    const char *why;        /* kinds other than ANSWER_HTTP: one line for the log, no contents */
};
