/* SPDX-License-Identifier: MIT */
/* Routing: which models have routes, at the start and after each reload. */
#pragma once

struct model;
struct relay;
struct route;
struct routes;

/* At the start: makes a model for each one that the outbox has counts of, since each had a route
 * once and may have events. 0 or -ENOMEM. */
int routing_recall(struct relay *relay);

/* relay_set_routes(). */
int routing_set(struct relay *relay, struct routes *routes);

/* Finds or makes the route's model, which has that route from now on. 0 or -ENOMEM. */
int routing_model(struct relay *relay, struct routes *routes, const struct route *route,
                  struct model **model);

/* Logs each lost route whose events wait, once it is known how many wait. For the pump. */
void routing_log_lost(struct relay *relay);

/* Once a second: asks again for counts that the outbox could not make. */
void routing_retry(struct relay *relay);
