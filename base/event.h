/* SPDX-License-Identifier: MIT */
/* One change of one record, as a sender posted it. */
#pragma once

#include <stdint.h>

#include "base/buf.h"

struct event {
    struct buf body;      /* as posted; all spans below but the names point into it */
    struct span data;     /* JSON as written; SPAN_NULL: missing, which counts as {} */
    struct span hive_id;  /* JSON as written; SPAN_NULL: missing, null or empty */
    struct span blade_id; /* data.bladeId as written; SPAN_NULL: missing or empty */
    bool remove;          /* operation is "remove" */
    bool null_members;    /* data is an object of which a member is null */
    /* The first key in data, and in hiveId, that no mutation takes, as written; SPAN_NULL: none. */
    struct span bad_key, hive_id_bad_key;

    struct buf names;   /* what model and record point into */
    struct span model;  /* decoded, WTF-8; SPAN_NULL: missing or not a string */
    struct span record; /* hiveId, or else data.bladeId, decoded; SPAN_NULL: without an order */

    struct span args;     /* the arguments of the mutation: data, or what the route makes of data */
    struct buf rewritten; /* holds args where these are not a part of the body */

    int64_t arrived_ms; /* wall clock */
};

/* Frees the event's memory and leaves an empty event. */
static inline void event_done(struct event *event)
{
    buf_done(&event->body);
    buf_done(&event->names);
    buf_done(&event->rewritten);
    *event = (struct event){0};
}
