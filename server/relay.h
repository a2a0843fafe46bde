/* SPDX-License-Identifier: MIT */
/* The relay: takes events from the handlers, brings them to Convex, answers the senders. */
#pragma once

#include "base/loop.h"
#include "convex/transport.h"
#include "handlers/service.h"

struct relay;

struct relay_options {
    int concurrency; /* attempts in flight at most */
};

/* transport stays the caller's and outlives the relay. 0 or an -errno. */
int relay_new(struct loop *loop, struct transport *transport, const struct relay_options *options,
              struct relay **relay);
/* Nothing may wait any more: see relay_give_up(). Takes NULL. */
struct relay *relay_free(struct relay *relay);
CLEANUP_POINTER(struct relay, relay_free);

/* Where the handlers put events. */
struct inbox *relay_inbox(struct relay *relay);

/* How many events have been taken and not yet settled. */
size_t relay_pending(const struct relay *relay);

/* A stop has begun: /readyz says so. Events that still come are taken as before. */
void relay_stopping(struct relay *relay);

/* Time is up: what is not settled is dropped, in flight or not, and answered 503, now and later. */
void relay_give_up(struct relay *relay);
