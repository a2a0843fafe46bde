/* SPDX-License-Identifier: MIT */
/*
 * What an answer means for the event that was sent: a pure function.
 *
 * Sources: get-convex/convex-backend crates/local_backend/src/public_api.rs (envelope),
 * crates/common/src/http/mod.rs and crates/errors/src/lib.rs (codes and statuses); the texts:
 * crates/udf/src/validation.rs, crates/roles/src/eval.rs, crates/isolate/src/{timeout,
 * termination}.rs and crates/model/src/modules/user_error.rs, as crates/application/src/
 * redaction.rs frames them; npm convex 1.48 src/browser/http_client.ts (messages).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "convex/answer.h"

enum verdict_outcome {
    VERDICT_DONE,     /* Convex ran the mutation */
    VERDICT_REJECTED, /* Convex will never take the event as it is */
    VERDICT_AGAIN,    /* try again later */
    VERDICT_HELD,     /* no event of the scope gets through until somebody mends something */
};

enum {
    VERDICT_FEW_TRIES = 4, /* tries_max where a later attempt may pass, but hardly will */
};

enum verdict_scope { VERDICT_ROUTE, VERDICT_UPSTREAM };

enum verdict_pressure {
    VERDICT_NO_PRESSURE,
    VERDICT_CONFLICT, /* fewer attempts of the route at once */
    VERDICT_OVERLOAD, /* the same, and a longer first backoff */
};

struct verdict {
    enum verdict_outcome outcome;
    enum verdict_scope scope; /* of a hold, and of what failed: one route, or Convex as a whole */
    enum verdict_pressure pressure;
    bool maybe_ran;         /* the mutation may have run although no success was seen */
    bool missing;           /* HELD: no mutation of that name is deployed */
    int tries_max;          /* AGAIN: after so many such attempts the event is rejected; 0: never */
    int64_t retry_after_ms; /* -1: none given */
    /*
     * What ConvexHttpClient would have thrown: errorMessage, the raw text of a non-2xx answer,
     * "fetch failed" or, in the middle of an answer, "terminated"; a text of our own where the
     * client lets a JavaScript engine's out. May hold the record's contents. WTF-8 (base/json.h).
     */
    struct buf message;
    const char *detail; /* the answer's why, for the log, as long as the answer lives; or NULL */
    char cause[64];     /* for the log, printable ASCII without contents: Convex's code, "http 502",
                           "cannot connect" */
};

/* 0 or -ENOMEM. The caller owns verdict->message afterwards, for buf_done(). */
int verdict_read(const struct answer *answer, struct verdict *verdict);

/*
 * Finds the JSON in the body of an answer: behind a BOM, and as clean UTF-8 where the body is none,
 * which *clean then holds. 0; VERDICT_NO_JSON, and *text is clean all the same; or -ENOMEM.
 */
enum { VERDICT_NO_JSON = 1 };
int verdict_find_json(struct span body, struct buf *clean, struct span *text);

/*
 * Judges a function error by verdict->message, its text: sets all but message, retry_after_ms and
 * detail.
 */
void verdict_judge_text(struct verdict *verdict);

/* "done", "rejected", "again", "held" */
const char *verdict_outcome_name(enum verdict_outcome outcome);
