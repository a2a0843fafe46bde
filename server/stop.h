/* SPDX-License-Identifier: MIT */
/* What SIGTERM and SIGINT do to a serving relay. */
#pragma once

struct server;

/* Must be called before the first stop_signalled(). */
void stop_init(struct server *server);

/*
 * A signal that ends the relay has come. The first one begins the stop, a second one cuts the
 * waiting short. loop_run() returns when the stop is over.
 */
void stop_signalled(struct server *server);
