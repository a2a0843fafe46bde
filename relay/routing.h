/* SPDX-License-Identifier: MIT */
/* Which models have routes: at the start, and after each reload. */
#pragma once

struct model;
struct relay;
struct route;
struct routes;

/* The start: models that the outbox has counts of had a route once, and their events wait. 0 or
 * -ENOMEM. */
int routing_recall(struct relay *relay);

/* As relay_set_routes(). */
int routing_set(struct relay *relay, struct routes *routes);

/* The route's model, with that route from now on. 0 or -ENOMEM. */
int routing_model(struct relay *relay, struct routes *routes, const struct route *route,
                  struct model **model);

/* Tells the log of routes that were lost with events that wait, as soon as their number is known.
 */
void routing_log_lost(struct relay *relay);

/* What failed before is tried again. */
void routing_retry(struct relay *relay);
