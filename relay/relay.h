/* SPDX-License-Identifier: MIT */
/* The relay: takes events from the handlers, keeps them, brings them to Convex, answers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "convex/transport.h"
#include "handlers/service.h"
#include "relay/options.h"

struct outbox;
struct relay;

/*
 * transport and outbox (NULL: nothing is kept) stay the caller's. Transports outlive the relay; the
 * outbox goes first, since what it still writes is the relay's memory. What it holds is sent
 * as soon as relay_set_routes() has said where. 0 or an -errno.
 */
int relay_new(struct loop *loop, struct transport *transport, struct outbox *outbox,
              const struct relay_options *options, struct relay **relay);
/* Takes NULL. What is not settled is forgotten; what is on disk is found there by the next start.
 */
struct relay *relay_free(struct relay *relay);
CLEANUP_POINTER(struct relay, relay_free);

/*
 * The routes from now on, at start and after a reload: who was held is tried now. Events of a model
 * that has none any more wait until it has one again; without an outbox they end by the old one. 0,
 * or an -errno and nothing has changed.
 */
int relay_set_routes(struct relay *relay, struct routes *routes);

/* Attempts go this way from now on; those in flight end on the one that they began on. */
void relay_set_transport(struct relay *relay, struct transport *transport);

/* Whether what was on disk at the start is still on its way into memory. */
bool relay_loading(const struct relay *relay);

/* Where the handlers put events. */
struct inbox *relay_inbox(struct relay *relay);

/* How many events are in memory and not settled; how many attempts are in flight. */
size_t relay_pending(const struct relay *relay);
int relay_in_flight(const struct relay *relay);

/* A stop has begun: /readyz says so. Events that still come are taken as before. */
void relay_stopping(struct relay *relay);

/* Nobody is left to be answered: no attempt begins from now on. */
void relay_stop_sending(struct relay *relay);

/* Time is up: whoever waits is answered 202 or 503, as soon as the outbox has said which. */
void relay_give_up(struct relay *relay);

/* Whoever still waits is answered 503 at once: the outbox has not said anything in time. */
void relay_abandon(struct relay *relay);
