/* SPDX-License-Identifier: MIT */
/* Counts, times and logs each request that is answered on the sender's port. */
#pragma once

#include <stdint.h>

#include "auth/keyring.h"
#include "base/histogram.h"
#include "base/log_sum.h"
#include "base/span.h"
#include "handlers/reply.h"

struct event;
struct request;

/* What has been observed since the start. The relay itself counts events and calls of Convex. */
struct observed {
    uint64_t replies[REPLY_COUNT_];
    uint64_t secrets[KEYRING_MATCHES]; /* by enum keyring_match: which secret was presented */
    struct histogram duration;         /* from the head of a request to its answer */
    struct log_sum refusals[REPLY_COUNT_];
    struct log_sum no_route;
};

void observe_init(struct observed *observed, struct loop *loop);
void observe_done(struct observed *observed);

/* At LOG_DEBUG: notes whose event the request brings. model is decoded, operation and hive_id are
 * JSON; each may be SPAN_NULL. */
void observe_event(struct request *request, struct span model, struct span operation,
                   struct span hive_id);

/* The request was answered, took_ms after its head. */
void observe_reply(struct observed *observed, const struct request *request, enum reply reply,
                   int64_t took_ms);

/* An event has no route. */
void observe_no_route(struct observed *observed, const struct request *request,
                      const struct event *event);
