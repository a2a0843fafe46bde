/* SPDX-License-Identifier: MIT */
/* What ends a serving relay: SIGTERM, SIGINT, and another relay that takes over. */
#pragma once

struct server;

/* Must be called before the first stop_signalled(). */
void stop_init(struct server *server);

/*
 * A signal that ends the relay has come. The first one begins the stop, a second one cuts the
 * waiting short. loop_run() returns when the stop is over.
 */
void stop_signalled(struct server *server);

/* Another relay has taken over the outbox of this one (a struct server), as may happen while a
 * database is out of this one's reach. Begins a stop that waits for nothing. */
void stop_taken_over(void *server);
