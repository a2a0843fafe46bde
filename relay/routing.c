/* SPDX-License-Identifier: MIT */
/* Routing: which models have routes. */
#include "relay/routing.h"

#include <errno.h>

#include "base/error.h"
#include "base/log.h"
#include "relay/clock_hold.h"
#include "relay/core.h"
#include "relay/learn.h"
#include "relay/offers.h"
#include "relay/outcome.h"
#include "relay/snapshot_fill.h"

int routing_model(struct relay *relay, struct routes *routes, const struct route *route,
                  struct model **out)
{
    struct span name = span_of(route->model);
    struct model *model = models_find(&relay->models, name);

    if (!model) {
        int r = models_add(&relay->models, &relay->model_options, name, &model);
        if (r)
            return r;
        relay->naming_due = true;
    }
    if (model->route != route || model->lost) {
        model_set_route(model, routes, route, relay->options.concurrency);
        relay->limits_due = true;
    }
    *out = model;
    return 0;
}

/* Makes the models that are not known yet. 0; or an -errno, and they are still unknown. */
static int routing_reserve(struct relay *relay, struct routes *routes)
{
    struct model *last = TAILQ_LAST(&relay->models.list, model_list);
    struct model *model;
    int r = 0;

    for (size_t i = 0; r == 0 && i < routes_count(routes); i++) {
        struct span name = span_of(routes_at(routes, i)->model);
        if (!models_find(&relay->models, name))
            r = models_add(&relay->models, &relay->model_options, name, &model);
    }
    if (r)
        models_forget_after(&relay->models, last);
    return r;
}

int routing_recall(struct relay *relay)
{
    cleanup(outbox_tallies_done) struct outbox_tallies tallies = {0};
    struct model *model;

    if (!outbox_is_known(relay->outbox))
        return 0;
    int r = outbox_tallies(relay->outbox, &tallies);
    for (size_t i = 0; r == 0 && i < tallies.len; i++) {
        struct span name = span_of(tallies.at[i].model);
        if (tallies.at[i].model && !models_find(&relay->models, name))
            r = models_add(&relay->models, &relay->model_options, name, &model);
    }
    relay->recall_due = r != 0;
    relay->lost_untold = true;
    return r;
}

/* No attempt begins for the model any more; what is in flight ends by the old route. */
static void routing_lose(struct model *model)
{
    model->lost = model->lost_untold = true;
    model->lost_ms = loop_now_ms(model->relay->loop);
}

static void routing_named(struct outbox_naming *naming, int r)
{
    struct relay *relay = container_of(naming, struct relay, naming);

    free(naming->models);
    *naming = (struct outbox_naming){0};
    relay->naming_due |= r != 0; /* for routing_retry() */
}

/* Has the outbox give each model counts of its own. */
static void routing_submit_naming(struct relay *relay)
{
    struct outbox_naming *naming = &relay->naming;
    struct model *model;

    relay->naming_due = true;
    if (!relay->outbox || naming->done || relay->phase == RELAY_GIVEN_UP)
        return;
    naming->models = calloc(relay->models.table.len + 1, sizeof(*naming->models));
    if (!naming->models) {
        (void)error_origin(-ENOMEM);
        return;
    }
    relay->naming_due = false;
    TAILQ_FOREACH (model, &relay->models.list, link)
        naming->models[naming->models_len++] = span_of(model->name);
    naming->done = routing_named;
    outbox_submit_naming(relay->outbox, naming);
}

/* Offers count as pending until a walk has refused them, so the log waits for the walk's end. */
void routing_log_lost(struct relay *relay)
{
    struct model *model;
    struct snapshot snapshot;

    if (!relay->outbox || !relay->lost_untold || relay->offers_walking || relay->offers_due ||
        snapshot_fill(relay, &snapshot)) /* brings model.counts up to date */
        return;
    snapshot_done(&snapshot);
    TAILQ_FOREACH (model, &relay->models.list, link) {
        uint64_t pending = core_pending_of(relay, model);
        if (model->lost && model->lost_untold && pending > 0)
            log_warn("the model has no route: its events wait until ROUTES names it again", "model",
                     model->name, "events", log_number((int64_t)pending));
        model->lost_untold = false;
    }
    relay->lost_untold = false;
}

int routing_set(struct relay *relay, struct routes *routes)
{
    struct model *model;
    int r = routing_reserve(relay, routes);

    if (r)
        return r;
    for (size_t i = 0; i < routes_count(routes); i++)
        (void)routing_model(relay, routes, routes_at(routes, i), &model); /* reserved */
    TAILQ_FOREACH (model, &relay->models.list, link) {
        if (relay->outbox && model->routes != routes && !model->lost)
            routing_lose(model);
    }
    relay->lost_untold = true;
    learn_apply_all(relay);
    routing_submit_naming(relay);
    offers_find(relay);
    outcome_probe(relay);
    clock_hold_probe(relay);
    core_ask_pump(relay);
    return 0;
}

void routing_retry(struct relay *relay)
{
    if (relay->recall_due)
        (void)routing_recall(relay);
    if (relay->naming_due)
        routing_submit_naming(relay);
}
