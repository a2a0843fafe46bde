/* SPDX-License-Identifier: MIT */
/* Models, which outlive the configuration that named them. */
#include "relay/model.h"

#include <errno.h>

#include "base/error.h"

int models_init(struct models *models)
{
    TAILQ_INIT(&models->list);
    return table_init(&models->table);
}

struct model *models_find(const struct models *models, struct span name)
{
    uint64_t hash = table_hash(&models->table, name, SPAN_NULL);
    struct table_node *node = table_first(&models->table, hash);

    for (; node; node = table_next(node)) {
        struct model *model = container_of(node, struct model, node);
        if (span_eq(span_of(model->name), name))
            return model;
    }
    return NULL;
}

int models_add(struct models *models, const struct models_options *options, struct span name,
               struct model **out)
{
    struct model *model = calloc(1, sizeof(*model));

    if (!model)
        return error_origin(-ENOMEM);
    model->name = strndup(name.at, name.len);
    int r = model->name ? table_add(&models->table, &model->node,
                                    table_hash(&models->table, name, SPAN_NULL))
                        : error_origin(-ENOMEM);
    if (r) {
        free(model->name);
        free(model);
        return r;
    }
    model->relay = options->relay;
    model->lost = model->lost_untold = true;
    model->lost_ms = loop_now_ms(options->loop);
    model->queue = queue_begin(options->last_id);
    lane_group_init(&model->lanes, 0);
    limit_init(&model->limit, options->concurrency);
    gate_init(&model->gate, &(struct gate_options){.loop = options->loop,
                                                   .dice = options->dice,
                                                   .in_flight = &model->lanes.in_flight,
                                                   .gap_min_ms = MODEL_GAP_MS,
                                                   .changed = options->gate_changed,
                                                   .ctx = model});
    log_sum_init(&model->failures, options->loop, LOG_WARN,
                 options->keeps ? "dead letter: convex-relay outbox show ID says why"
                                : "not delivered, and not kept: OUTBOX is off",
                 model->name);
    TAILQ_INSERT_TAIL(&models->list, model, link);
    *out = model;
    return 0;
}

static void models_forget(struct models *models, struct model *model)
{
    TAILQ_REMOVE(&models->list, model, link);
    table_remove(&models->table, &model->node);
    gate_done(&model->gate);
    log_sum_done(&model->failures);
    routes_unref(model->routes);
    free(model->name);
    free(model);
}

void models_forget_after(struct models *models, const struct model *last)
{
    struct model *model;

    while ((model = TAILQ_LAST(&models->list, model_list)) != last)
        models_forget(models, model);
}

void models_done(struct models *models)
{
    models_forget_after(models, NULL);
    table_done(&models->table);
}

void model_set_route(struct model *model, struct routes *routes, const struct route *route,
                     int concurrency)
{
    bool fewer = route->concurrency && route->concurrency < concurrency;

    if (model->route == route && !model->lost)
        return;
    routes_ref(routes);
    routes_unref(model->routes);
    model->routes = routes;
    model->route = route;
    model->generation++;
    model->lost = false;
    batching_set_max(&model->batching, route->batch.mutation ? route->batch.max : 0);
    limit_set_max(&model->limit, fewer ? route->concurrency : concurrency);
}

int model_room(const struct model *model)
{
    return model->lost ? 0 : gate_room(&model->gate, model->limit.now, model->limit.max);
}

void model_note_error(struct model *model, const struct verdict *verdict, int64_t now_ms)
{
    model->error_ms = now_ms;
    model->error_outcome = verdict->outcome;
    memcpy(model->error, verdict->cause, sizeof(model->error));
}
