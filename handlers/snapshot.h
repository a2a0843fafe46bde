/* SPDX-License-Identifier: MIT */
/*
 * What /metrics and /status show of the relay, taken when a request asks. The strings belong to the
 * relay, and are good until the handler returns.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/histogram.h"
#include "base/sizes.h"

/*
 * The events of a model: accepted == delivered + discarded + pending + dead, always. An event is
 * accepted once stored on disk, or else once Convex has it.
 */
struct event_counts {
    uint64_t accepted, delivered, discarded; /* since the outbox was made; off: since the start */
    uint64_t buried;                         /* became dead letters, since the same moment */
    uint64_t pending, dead;                  /* now */
    uint64_t refused;                        /* replays that were refused, since the start */
};

/* A model, also while it has no route. */
struct snapshot_route {
    const char *model;
    const char *mutation;              /* NULL: a reload has taken the route away */
    const struct event_counts *counts; /* NULL: the model is named "other", and counts there */
    const char *held;                  /* why the model's events wait; NULL: not held */
    int64_t held_since_ms;
    int in_flight;
    int limit;             /* of attempts in flight, as conflicts and success have moved it */
    const char *batch;     /* the batch function; NULL: none */
    int batch_size;        /* events in a call at most; 1: they go singly at the moment */
    int batch_max;         /* the same, as the route says */
    const char *sequence;  /* the member that gets the event's id, as JSON; NULL: none */
    int64_t oldest_age_ms; /* of the model's oldest event that is not settled; -1: none */
    const char *error; /* what went wrong last, without a record's contents; NULL: nothing yet */
    const char *error_outcome;
    int64_t error_ms;
};

struct snapshot {
    int64_t now_ms;                /* wall clock, as every time in a snapshot that is no age */
    struct snapshot_route *routes; /* of all models that a route has ever named */
    size_t routes_len;
    struct event_counts other; /* of all other models together */

    const char *not_ready; /* NULL, or why new events cannot be taken */
    const char *held;      /* why all events wait; NULL: not held */
    int64_t held_since_ms;
    int in_flight;
    struct {
        uint64_t done, rejected, again, held;
    } attempts;
    struct histogram convex_duration;
    struct sizes batch_sizes;
    uint64_t batch_splits;

    const char *outbox;     /* the outbox's state: off, ok, full, failing, away */
    const char *outbox_why; /* away: why, in one line; NULL: unknown, or not away */
    int64_t outbox_bytes;
    int64_t outbox_pinned_bytes; /* of the outbox's log, which a slow reader keeps from shrinking */
    int64_t oldest_age_ms;       /* of the oldest pending event; -1: none */
    uint64_t outbox_spoilt;      /* events that could not be read any more, since the start */
    struct histogram outbox_commits;
};

static inline void snapshot_done(struct snapshot *snapshot)
{
    free(snapshot->routes);
    snapshot->routes = NULL;
}
