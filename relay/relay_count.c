/* SPDX-License-Identifier: MIT */
/*
 * How many events there are, and were, by model.
 *
 * An event moves between the terms of one sum in one step, so that whoever looks finds the sum
 * whole. What others do beside us (`convex-relay outbox discard`) is found by a census of the rows,
 * which comes in the order of what the relay has submitted: what differs then was their doing.
 * Models without a route count together, so that no sender can make the list grow.
 */
#include <errno.h>

#include "base/error.h"
#include "relay/delivery.h"

static const char relay_count_other[] = "other";

struct event_counts *relay_counts_of(struct relay *relay, struct relay_route *route)
{
    return route && strcmp(route->model, relay_count_other) != 0 ? &route->counts : &relay->other;
}

static struct event_counts *relay_counts_of_model(struct relay *relay, struct span model)
{
    return relay_counts_of(relay, model.at ? relay_route_find(relay, model) : NULL);
}

static struct event_counts *relay_counts_of_delivery(struct delivery *delivery)
{
    if (delivery->route)
        return relay_counts_of(delivery->relay, delivery->route);
    return relay_counts_of_model(delivery->relay, delivery->event.model);
}

/* n, or as many as there are. */
static uint64_t relay_count_take(uint64_t *from, uint64_t n)
{
    uint64_t taken = n < *from ? n : *from;

    *from -= taken;
    return taken;
}

void relay_count_stored(struct delivery *delivery)
{
    struct event_counts *counts = relay_counts_of_delivery(delivery);

    counts->accepted++;
    counts->pending++;
}

void relay_count_end(struct delivery *delivery, enum relay_end end)
{
    struct event_counts *counts = relay_counts_of_delivery(delivery);

    /* A row that nobody knew of, such as one of a commit that was said to have failed, is accepted
     * by now. */
    if (delivery->stored == DELIVERY_STORED && counts->pending > 0)
        counts->pending--;
    else
        counts->accepted++;
    switch (end) {
    case RELAY_END_DELIVERED:
        counts->delivered++;
        break;
    case RELAY_END_BURIED:
        counts->buried++;
        counts->dead++;
        break;
    case RELAY_END_DISCARDED:
        counts->discarded++;
        break;
    }
}

void relay_count_unkept(struct relay *relay, struct span model)
{
    struct event_counts *counts = relay_counts_of_model(relay, model);

    counts->accepted++;
    counts->discarded++;
}

void relay_count_buried(struct relay *relay, struct span model, uint64_t events)
{
    struct event_counts *counts = relay_counts_of_model(relay, model);

    counts->accepted += events - relay_count_take(&counts->pending, events);
    counts->buried += events;
    counts->dead += events;
}

void relay_count_replayed(struct relay *relay, struct span model)
{
    struct event_counts *counts = relay_counts_of_model(relay, model);

    if (counts->dead > 0)
        counts->dead--;
    else
        counts->accepted++;
    counts->pending++;
}

/* ---- the census ---- */

static void relay_count_set(struct event_counts *counts, uint64_t pending, uint64_t dead)
{
    uint64_t had = counts->pending + counts->dead, has = pending + dead;

    if (has > had)
        counts->accepted += has - had;
    else
        counts->discarded += had - has;
    counts->pending = pending;
    counts->dead = dead;
}

/* The model has a route only now: its rows stood among those of the others. */
static void relay_count_move(struct relay *relay, struct event_counts *to,
                             const struct store_rows *rows)
{
    to->pending += relay_count_take(&relay->other.pending, rows->pending);
    to->dead += relay_count_take(&relay->other.dead, rows->dead);
}

static void relay_census_done(struct outbox_census *census, int r)
{
    struct relay *relay = container_of(census, struct relay, census);
    struct store_rows others = census->all;

    if (r == 0 && !TAILQ_EMPTY(&relay->fated))
        r = -EAGAIN; /* what has become of these is on disk, and not counted yet */
    for (size_t i = 0; r == 0 && i < census->models_len; i++) {
        struct relay_route *route = relay_route_find(relay, census->models[i].model);
        const struct store_rows *rows = &census->models[i].rows;
        struct event_counts *counts = relay_counts_of(relay, route);
        if (counts == &relay->other)
            continue;
        if (relay->counted && !route->counted)
            relay_count_move(relay, counts, rows);
        relay_count_set(counts, rows->pending, rows->dead);
        route->counted = true;
        others.pending -= rows->pending;
        others.dead -= rows->dead;
    }
    free(census->models);
    relay->census = (struct outbox_census){0};
    if (r) {
        relay->census_due = true; /* relay_tend() asks again */
        return;
    }
    relay_count_set(&relay->other, others.pending, others.dead);
    relay->counted = true;
}

void relay_take_census(struct relay *relay)
{
    struct outbox_census *census = &relay->census;
    size_t len = relay->routes_by_model.len;
    struct relay_route *route;

    relay->census_due = true;
    if (!relay->outbox || census->done || relay->given_up)
        return;
    census->models = calloc(len + 1, sizeof(*census->models)); /* + 1: NULL means no memory */
    if (!census->models) {
        (void)error_origin(-ENOMEM);
        return;
    }
    for (route = TAILQ_FIRST(&relay->routes); route; route = TAILQ_NEXT(route, link))
        census->models[census->models_len++].model = span_of(route->model);
    census->done = relay_census_done;
    relay->census_due = false;
    outbox_submit_census(relay->outbox, census);
}

void relay_count_others_doings(struct relay *relay)
{
    struct outbox_status status;

    outbox_status(relay->outbox, &status);
    if (status.counts.discarded != relay->discarded_seen)
        relay->census_due = true;
    relay->discarded_seen = status.counts.discarded;
    if (relay->census_due)
        relay_take_census(relay);
}
