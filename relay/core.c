/* SPDX-License-Identifier: MIT */
/* What the parts of the relay share. */
#include "relay/core.h"

const char core_stopping_text[] = "The relay is stopping";

/* The hook runs behind the hooks that bring events in, so an event is sent in the turn of its
 * arrival. */
void core_ask_pump(struct relay *relay)
{
    if (relay->pump_asked)
        return;
    relay->pump_asked = true;
    loop_hook_add(relay->loop, &relay->pump);
}

uint64_t core_next_id(struct relay *relay)
{
    return relay->outbox ? outbox_next_id(relay->outbox)
                         : outbox_ids_next(&relay->ids, clock_wall_ms(loop_clock(relay->loop)));
}

int core_join(struct delivery *delivery, enum lanes_haste haste)
{
    struct relay *relay = delivery->relay;
    struct model *model = delivery->model;
    int r = lanes_join(&relay->lanes, &model->lanes, &delivery->place, delivery->id,
                       delivery->event.record, haste);

    if (r)
        return r;
    if (model->gate.state != GATE_OPEN)
        gate_knock(&model->gate);
    core_ask_pump(relay);
    return 0;
}

void core_finish(struct delivery *delivery)
{
    struct relay *relay = delivery->relay;

    if (delivery->place.lane)
        lanes_leave(&relay->lanes, &delivery->place);
    delivery_free(delivery);
    core_ask_pump(relay);
}

bool core_must_spill(const struct model *model)
{
    return model->relay->outbox &&
           (queue_is_behind(&model->queue) || model->lanes.places >= core_window(model) ||
            core_is_full(model->relay));
}

bool core_place(struct delivery *delivery, enum lanes_haste haste)
{
    struct queue *queue = &delivery->model->queue;

    if (!core_must_spill(delivery->model) && core_join(delivery, haste) == 0) {
        queue_join(queue, delivery->id);
        return true;
    }
    queue_spill(queue, delivery->id);
    core_ask_pump(delivery->relay);
    return false;
}

size_t core_window(const struct model *model)
{
    const struct relay *relay = model->relay;
    size_t models = relay->models.table.len;
    size_t share = CORE_WINDOW / (models ? models : 1);
    size_t others = relay->deliveries.count - model->lanes.places;
    size_t left = others < CORE_WINDOW ? CORE_WINDOW - others : 0;

    if (share < CORE_WINDOW_MODEL_MIN)
        share = CORE_WINDOW_MODEL_MIN;
    return model->batching.max > 0 && left / 2 > share ? left / 2 : share;
}

bool core_is_full(const struct relay *relay)
{
    return relay->deliveries.bytes >= CORE_WINDOW_BYTES;
}

const struct gate *core_gate_before(const struct delivery *delivery)
{
    if (delivery->relay->gate.state != GATE_OPEN)
        return &delivery->relay->gate;
    return delivery->model->gate.state != GATE_OPEN ? &delivery->model->gate : NULL;
}

bool core_is_held_by_clock(const struct model *model)
{
    return model->route && model->route->sequence && clock_check_holds(&model->relay->clock.check);
}

struct event_counts *core_counts_of(struct relay *relay, struct model *model)
{
    return model && strcmp(model->name, "other") != 0 ? &model->counts : &relay->other;
}

uint64_t core_pending_of(struct relay *relay, struct model *model)
{
    return core_counts_of(relay, model) == &relay->other ? model->lanes.places
                                                         : model->counts.pending;
}

void core_count_delivered(struct relay *relay, struct model *model)
{
    struct event_counts *counts = core_counts_of(relay, model);

    counts->accepted++;
    counts->delivered++;
}

void core_count_discarded(struct relay *relay, struct model *model)
{
    struct event_counts *counts = core_counts_of(relay, model);

    counts->accepted++;
    counts->discarded++;
}
