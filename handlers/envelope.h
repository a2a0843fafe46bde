/* SPDX-License-Identifier: MIT */
/*
 * Reads {"model", "operation", "data", "hiveId"} while it arrives. data stays a slice of the body:
 * nothing is parsed into a tree and printed again, so every number and string keeps its value.
 */
#pragma once

#include "base/event.h"
#include "base/json_scan.h"

enum {
    ENVELOPE_REFUSED = 1,
    /* Of a model's or a record's name; a longer one is known by its beginning and a hash. */
    ENVELOPE_NAME_MAX = 4096,
};

struct envelope_slot {
    size_t at;  /* offset into the body, which moves while it grows */
    size_t len; /* 0: missing */
};

struct envelope {
    struct json_scanner scanner;
    const char *text; /* the body during the scan at hand */
    struct envelope_slot model, operation, data, hive_id, blade_id;
    bool null_members;
    struct envelope_slot bad_key_at_hand;  /* in the member that is arriving: the first */
    struct envelope_slot blade_id_at_hand; /* the last */
    struct envelope_slot bad_key, hive_id_bad_key;
};

void envelope_init(struct envelope *envelope);

/* body is all that has arrived so far. What is wrong with it is told by envelope_end(). */
void envelope_feed(struct envelope *envelope, struct span body);

/*
 * The body is whole. 0: *event owns its bytes and *body is empty; arrived_ms is left to the
 * caller. ENVELOPE_REFUSED: it is not a JSON object, *why says what is wrong and where. Or -ENOMEM.
 */
int envelope_end(struct envelope *envelope, struct buf *body, struct event *event, struct buf *why);
