/* SPDX-License-Identifier: MIT */
/* What the handlers work with, and the seam to the relay above them. */
#pragma once

#include "auth/keyring.h"
#include "base/clock.h"
#include "base/event.h"
#include "handlers/observe.h"
#include "handlers/request.h"
#include "handlers/routes.h"

struct snapshot;

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
};
