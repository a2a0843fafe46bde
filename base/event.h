/* SPDX-License-Identifier: MIT */
/* One change of one record, as a sender posted it. */
#pragma once

#include <stdint.h>

#include "base/buf.h"

struct event {
    struct buf body;      /* untouched; the spans below but for the names point into it */
    struct span data;     /* JSON as written; SPAN_NULL: missing, counts as {} */
    struct span hive_id;  /* JSON as written; SPAN_NULL: missing, null or empty */
    struct span blade_id; /* data's member of that name as written; SPAN_NULL: missing or empty */
    bool remove;          /* operation is "remove" */
    bool odd_keys;        /* see struct json_member; of data */
    bool null_members;    /* the same */
    bool hive_id_odd_keys;
    /* The first key in data, and in hiveId, that no mutation takes, as written; SPAN_NULL: none. */
    struct span bad_key, hive_id_bad_key;

    struct buf names;  /* what model and record point into */
    struct span model; /* decoded, WTF-8; SPAN_NULL: missing or not a string */
    struct span
        record; /* hiveId or else data.bladeId, decoded; SPAN_NULL: the event has no order */

    struct span args;     /* what the mutation gets: data, or what the route makes of it */
    struct buf rewritten; /* args, where they are not a slice of the body */

    int64_t arrived_ms; /* wall clock */
};

static inline void event_done(struct event *event)
{
    buf_done(&event->body);
    buf_done(&event->names);
    buf_done(&event->rewritten);
    *event = (struct event){0};
}
