/* SPDX-License-Identifier: MIT */
/*
 * Reads the envelope of an event, {"model", "operation", "data", "hiveId"}, while the body arrives.
 * data stays a slice of the body: nothing is parsed into a tree and printed again, so no number or
 * string changes. A record of a parcel is read the same way, and gets a body of its own.
 */
#pragma once

#include "base/event.h"
#include "base/json_scan.h"

enum {
    ENVELOPE_REFUSED = 1,
    /* Bytes of a model's or record's name; of a longer one the beginning and a hash are kept. */
    ENVELOPE_NAME_MAX = 4096,
};

struct envelope_range {
    size_t at;  /* offset into the body, whose memory moves while it grows */
    size_t len; /* 0: missing */
};

struct envelope {
    struct json_scanner scanner;
    const char *text; /* where the body lies during the scan at hand */
    struct envelope_range model, operation, data, hive_id, blade_id;
    bool null_members;                      /* data is an object of which a member is null */
    struct envelope_range bad_key_at_hand;  /* the first in the member that is arriving */
    struct envelope_range blade_id_at_hand; /* the last in that member */
    struct envelope_range bad_key, hive_id_bad_key; /* the first in data, and in hiveId */
};

void envelope_init(struct envelope *envelope);

/* body is all that has arrived so far. envelope_end() tells of errors. */
void envelope_feed(struct envelope *envelope, struct span body);

/*
 * The body is whole. 0: *event owns the bytes and *body is empty; event->arrived_ms is left to the
 * caller. ENVELOPE_REFUSED: the body is not a JSON object, and *why says what is wrong and where.
 * Or -ENOMEM.
 */
int envelope_end(struct envelope *envelope, struct buf *body, struct event *event, struct buf *why);

/* Says in *why what is wrong with a body that the scanner refuses, and where. 0 or -ENOMEM. */
int envelope_refuse(const struct json_scanner *scanner, struct span body, struct buf *why);

/*
 * The same for a record of a parcel, text, which the envelope was fed with and which is a JSON
 * object. The event's body is {"model","operation","data","hiveId"}, made of slices as they came:
 * model is the parcel's; operation counts where the record has none (SPAN_NULL: missing). 0 and
 * *event, as of envelope_end(); or -ENOMEM.
 */
int envelope_end_record(struct envelope *envelope, struct span text, struct span model,
                        struct span operation, struct event *event);
