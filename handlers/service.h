/* SPDX-License-Identifier: MIT */
/* What the handlers work with, and the seam to the relay above them. */
#pragma once

#include "auth/keyring.h"
#include "base/clock.h"
#include "base/event.h"
#include "handlers/observe.h"
#include "handlers/request.h"
#include "handlers/routes.h"

struct parcel;
struct snapshot;
struct sync_batches;

struct inbox {
    /*
     * Takes an event and replies to the request, at once or later: *event is empty afterwards in
     * any case. route belongs to routes, of which the inbox takes a reference of its own.
     */
    void (*accept)(struct inbox *inbox, struct event *event, struct routes *routes,
                   const struct route *route, struct request *request);
    /*
     * Keeps an event that cannot be delivered as a dead letter, where there is an outbox, and then
     * replies. *event is empty afterwards.
     */
    void (*bury)(struct inbox *inbox, struct event *event, struct span reason, enum reply reply,
                 struct request *request);
    /*
     * Takes all events of a parcel, or none, and replies to each place at once or later. Those with
     * a refusal become letters, as by bury(), and all do where route is NULL. made: route is the
     * one that the events' args were made for. The events are empty afterwards.
     */
    void (*accept_all)(struct inbox *inbox, struct parcel *parcel, struct routes *routes,
                       const struct route *route, bool made);
    /* NULL, or why new events cannot be taken at the moment. */
    const char *(*not_ready)(struct inbox *inbox);
    /* How many bytes the events take in memory that are not on disk, or not yet. */
    size_t (*unstored_bytes)(struct inbox *inbox);
    /* The caller owns *snapshot: snapshot_done(). 0 or -ENOMEM. */
    int (*fill_snapshot)(struct inbox *inbox, struct snapshot *snapshot);
};

struct service {
    struct clock *clock;
    struct keyring *keyring; /* a reload replaces keyring and routes */
    struct routes *routes;
    struct inbox *inbox;
    const char *version;
    int64_t started_ms;       /* mono */
    int64_t outbox_max_bytes; /* OUTBOX_MAX_MB in bytes, for /status */
    struct request_ids ids;
    struct observed observed;
    struct sync_batches *batches; /* parcels that wait to be unpacked */
};
