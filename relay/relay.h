/* SPDX-License-Identifier: MIT */
/* The relay: takes events from the handlers, stores and delivers them, answers senders. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "convex/transport.h"
#include "handlers/service.h"
#include "relay/options.h"

struct outbox;
struct relay; /* relay/core.h */

/*
 * transport and outbox (NULL: nothing is stored) stay the caller's. Transports must outlive the
 * relay. The outbox must be freed before the relay, whose memory it may still be writing. Events in
 * the outbox are sent once relay_set_routes() has said where. 0 or an -errno.
 */
int relay_new(struct loop *loop, struct transport *transport, struct outbox *outbox,
              const struct relay_options *options, struct relay **relay);
/* Takes NULL. Forgets events that are not settled; the next start finds those that are on disk. */
struct relay *relay_free(struct relay *relay);
CLEANUP_POINTER(struct relay, relay_free);

/*
 * Sets the routes, at the start and after a reload; held events are tried at once. Events of a
 * model that has lost its route wait until there is one again. Without an outbox such events go by
 * the old route. 0; or an -errno, and nothing has changed.
 */
int relay_set_routes(struct relay *relay, struct routes *routes);

/* Attempts that begin from now on use that transport; attempts in flight end on their own one. */
void relay_set_transport(struct relay *relay, struct transport *transport);

/* Whether some model has not read a page yet since the start: readiness waits for that. */
bool relay_loading(const struct relay *relay);

/* The seam through which the handlers hand events over. */
struct inbox *relay_inbox(struct relay *relay);

/* How many events are in memory; pending events on disk alone do not count. */
size_t relay_pending(const struct relay *relay);

/* How many attempts are in flight. */
int relay_in_flight(const struct relay *relay);

/* Whether the outbox is away, and events whose fate is known wait until it is back. */
bool relay_awaits_outbox(const struct relay *relay);

/* A stop has begun, and /readyz says so. Events that still come are taken as before. */
void relay_stopping(struct relay *relay);

/* Every sender is answered: no attempt begins from now on. */
void relay_stop_sending(struct relay *relay);

/* DRAIN_MS is over: each sender that waits is answered, 202 or 503, as soon as the outbox has said
 * whether the event is on disk; at once, if the outbox is away. */
void relay_give_up(struct relay *relay);

/* The outbox has not answered in time either: each sender that waits is answered 503 at once. */
void relay_abandon(struct relay *relay);
