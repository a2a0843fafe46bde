/* SPDX-License-Identifier: MIT */
/*
 * What an answer means for each event of a call that brought several. A pure function.
 *
 * A batch function returns null, or an array with an entry for each event in their order: null
 * (done), {"error": text} (as if the event's own mutation had failed with that text) or {"again":
 * text} (to be tried again). Convex passes a returned value on unchanged, also in production, where
 * thrown texts are hidden (get-convex/convex-backend crates/application/src/redaction.rs).
 */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/json.h"
#include "convex/verdict.h"

struct answer;

enum batch_outcome {
    BATCH_DONE,      /* each event is done */
    BATCH_ITEMS,     /* batch_next() tells each event's verdict */
    BATCH_UNUSABLE,  /* success, but the value is not what a batch function returns */
    BATCH_UNREAD,    /* success, but the value did not arrive: which events are done is unknown */
    BATCH_MISSING,   /* the batch function is not deployed, or no mutation */
    BATCH_TOO_LARGE, /* the call met one of Convex's limits: fewer events a call will do */
    BATCH_SPLIT,     /* the call failed, and any of its events may be why */
    BATCH_TOGETHER,  /* batch.verdict, an AGAIN or a HELD, is that of each event */
};

struct batch {
    enum batch_outcome outcome;
    struct verdict verdict; /* of the call as a whole */
    /* The rest is its own. */
    struct buf clean; /* the body, where it was no valid UTF-8 */
    struct json_walk items;
};

/*
 * Judges the answer to a call with n events. The answer must live as long as batch_next() is
 * called. 0, and the caller owns *batch (batch_done()); or -ENOMEM.
 */
int batch_read(const struct answer *answer, size_t n, struct batch *batch);
void batch_done(struct batch *batch);

/*
 * The verdict of the next event of a BATCH_ITEMS, to be asked n times. 0, and the caller owns
 * verdict->message; or -ENOMEM, and the event was passed over.
 */
int batch_next(struct batch *batch, struct verdict *verdict);
