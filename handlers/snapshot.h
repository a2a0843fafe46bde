/* SPDX-License-Identifier: MIT */
/*
 * What /metrics and /status show of the relay, as it is when they are asked. The strings are the
 * relay's, and good until the handler returns.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/histogram.h"

/*
 * The events of a model: accepted == delivered + discarded + pending + dead, always. An event is
 * accepted once it is on disk, or else once Convex has it.
 */
struct event_counts {
    uint64_t accepted, delivered, discarded; /* since the outbox was made; off: since the start */
    uint64_t buried;                         /* the same: became dead letters */
    uint64_t pending, dead;                  /* now */
    uint64_t refused;                        /* replays that were, since the start */
};

struct snapshot_route {
    const char *model;
    const char *mutation;              /* NULL: a reload has taken the route away */
    const struct event_counts *counts; /* NULL: among the others, since that is its name */
    const char *held;                  /* why its events wait; NULL: they do not */
    int64_t held_since_ms;
    int in_flight;
    int limit;             /* of those in flight, as it has found out */
    int64_t oldest_age_ms; /* of its oldest event that is not settled; -1: none */
    const char *error; /* what went wrong last, without a record's contents; NULL: nothing yet */
    const char *error_outcome;
    int64_t error_ms;
};

struct snapshot {
    int64_t now_ms;                /* wall clock, as the other times here that are no ages */
    struct snapshot_route *routes; /* of all models that have had a route since the start */
    size_t routes_len;
    struct event_counts other; /* of all other models together */

    const char *not_ready; /* NULL, or why new events cannot be taken */
    const char *held;      /* why all events wait; NULL: they do not */
    int64_t held_since_ms;
    int in_flight;
    struct {
        uint64_t done, rejected, again, held;
    } attempts;
    struct histogram convex_duration;

    const char *outbox; /* its state: off, ok, full, failing */
    int64_t outbox_bytes;
    int64_t outbox_pinned_bytes; /* of its log, by who reads for long */
    int64_t oldest_age_ms;       /* of the oldest pending event; -1: none */
    uint64_t outbox_spoilt;      /* events that could not be read any more, since the start */
    struct histogram outbox_commits;
};

static inline void snapshot_done(struct snapshot *snapshot)
{
    free(snapshot->routes);
    snapshot->routes = NULL;
}
