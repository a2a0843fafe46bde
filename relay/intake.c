/* SPDX-License-Identifier: MIT */
/*
 * The way in.
 *
 * The events of a parcel get ids and places in one turn of the loop, in their order, and are stored
 * as one group. No event is sent before the group is on disk: where the disk refuses the group, or
 * memory is short, nothing of the parcel was taken, even if Convex is well.
 *
 * A journal gives ids, and with them the order, as it stores: there any event gets its place once
 * it is on disk (relay/settle.c).
 */
#include "relay/intake.h"

#include <errno.h>

#include "base/allocator.h"
#include "base/error.h"
#include "handlers/parcel.h"
#include "relay/core.h"
#include "relay/routing.h"
#include "relay/settle.h"

/* Bytes of events that wait to be stored while the outbox is away. */
enum { INTAKE_AWAY_BYTES = 32 * 1024 * 1024 };

static const char intake_no_memory[] = "Out of memory";
static const char intake_away[] = "The outbox is away";

/* Why events of so many bytes cannot be taken now; SPAN_NULL: they can. */
static struct span intake_refusal(const struct relay *relay, size_t bytes)
{
    if (!relay->outbox)
        return relay->phase == RELAY_GIVEN_UP ? span_of(core_stopping_text) : SPAN_NULL;
    if (relay->journal && outbox_is_away(relay->outbox) &&
        (relay->phase == RELAY_GIVEN_UP ||
         relay->deliveries.unstored_bytes + bytes > INTAKE_AWAY_BYTES))
        return span_of(intake_away);
    return SPAN_NULL;
}

/* The event joins its record's lane, or goes to disk alone. made: the args are for the model's
 * route. 0 or -ENOMEM. */
static int intake_place(struct delivery *delivery, struct model *model, bool spills, bool made)
{
    struct relay *relay = delivery->relay;

    delivery->model = model;
    delivery->made_for = made ? model->generation : 0;
    delivery->id = core_next_id(relay);
    if (relay->journal) {
        delivery->state = DELIVERY_STORING;
        ticket_set_time(&relay->tickets, &delivery->ticket);
        return 0;
    }
    if (spills) {
        delivery->state = DELIVERY_STORING;
        queue_spill(&model->queue, delivery->id);
        core_ask_pump(relay);
        return 0;
    }
    int r = core_join(delivery, LANES_LIVE);
    if (r)
        return r;
    queue_join(&model->queue, delivery->id);
    if (relay->outbox) /* without one, the answer is Convex's, whenever it comes */
        ticket_set_time(&relay->tickets, &delivery->ticket);
    return 0;
}

/* ---- alone ---- */

void intake_accept(struct relay *relay, struct event *event, struct routes *routes,
                   const struct route *route, struct request *request)
{
    struct model *model;
    struct delivery *delivery = NULL;
    struct span refusal = intake_refusal(relay, event->body.len);

    if (refusal.at) {
        request_reply_with(request, REPLY_UNAVAILABLE, refusal);
        return;
    }
    int r = routing_model(relay, routes, route, &model);
    bool spills = r == 0 && core_must_spill(model);
    if (r == 0)
        delivery = delivery_new(&relay->deliveries, event, request);
    if (!delivery) {
        request_reply_with(request, REPLY_UNAVAILABLE, span_of(intake_no_memory));
        return;
    }
    if (intake_place(delivery, model, spills, true)) {
        delivery_answer(delivery, REPLY_UNAVAILABLE, span_of(intake_no_memory));
        delivery_free(delivery);
        return;
    }
    settle_append(delivery);
}

static struct model *intake_model_of(struct relay *relay, const struct event *event)
{
    return event->model.at ? models_find(&relay->models, event->model) : NULL;
}

void intake_bury(struct relay *relay, struct event *event, struct span reason, enum reply reply,
                 struct request *request)
{
    if (!relay->outbox) {
        core_count_discarded(relay, intake_model_of(relay, event));
        request_reply_with(request, reply, reason);
        return;
    }
    struct span refusal = intake_refusal(relay, event->body.len);
    if (refusal.at) {
        request_reply_with(request, REPLY_UNAVAILABLE, refusal);
        return;
    }
    struct delivery *delivery = delivery_new(&relay->deliveries, event, request);
    if (!delivery) { /* nothing keeps the event: its sender must know */
        request_reply_with(request, REPLY_UNAVAILABLE, span_of(intake_no_memory));
        return;
    }
    delivery->id = core_next_id(relay);
    ticket_set_time(&relay->tickets, &delivery->ticket);
    settle_bury(delivery, reply, reason);
}

/* ---- by parcels ---- */

struct intake_group {
    struct outbox_group group;
    struct relay *relay;
    LIST_ENTRY(intake_group) link; /* relay.groups */
};

static void intake_stored(struct outbox_group *group, int r)
{
    struct intake_group *intake = container_of(group, struct intake_group, group);

    (void)r;
    core_ask_pump(intake->relay);
    LIST_REMOVE(intake, link);
    free(intake);
}

/* 0 and *group, which is NULL without an outbox; or -ENOMEM. */
static int intake_new_group(struct relay *relay, struct outbox_group **group)
{
    struct intake_group *intake;

    *group = NULL;
    if (!relay->outbox)
        return 0;
    intake = allocator_alloc(relay->options.allocator, sizeof(*intake));
    if (!intake)
        return error_origin(-ENOMEM);
    intake->relay = relay;
    intake->group.done = intake_stored;
    outbox_group_init(&intake->group);
    LIST_INSERT_HEAD(&relay->groups, intake, link);
    *group = &intake->group;
    return 0;
}

void intake_done(struct relay *relay)
{
    struct intake_group *intake;

    while ((intake = LIST_FIRST(&relay->groups)) != NULL) {
        LIST_REMOVE(intake, link);
        free(intake);
    }
}

/* What all events of a parcel have in common. */
struct intake {
    struct relay *relay;
    struct parcel *parcel;
    struct model *model; /* NULL: no route */
    bool made;
    struct outbox_group *group;
    struct delivery_list deliveries; /* by place; without those that are discarded at once */
};

/* The refusal stays the parcel's until the event is settled. */
static bool intake_is_refused(const struct intake *intake, size_t place)
{
    return !intake->model || intake->parcel->items[place].refusal.at;
}

/* The event of that place gets an id, and so its place in line. 0 or -ENOMEM. */
static int intake_add(struct intake *intake, size_t place)
{
    struct relay *relay = intake->relay;
    struct parcel_item *item = &intake->parcel->items[place];
    bool refused = intake_is_refused(intake, place);
    bool spills = !refused && core_must_spill(intake->model);

    if (refused && !relay->outbox)
        return 0;
    struct delivery *delivery = delivery_new(&relay->deliveries, &item->event, NULL);
    if (!delivery)
        return -ENOMEM;
    TAILQ_INSERT_TAIL(&intake->deliveries, delivery, beside);
    delivery_open_place(delivery, intake->parcel, place);
    if (!refused)
        return intake_place(delivery, intake->model, spills, intake->made);
    delivery->id = core_next_id(relay);
    ticket_set_time(&relay->tickets, &delivery->ticket);
    return 0;
}

/* As if no event had come. Ids are given once, so these stay unused. */
static void intake_undo(struct intake *intake)
{
    struct delivery *delivery;

    while ((delivery = TAILQ_FIRST(&intake->deliveries)) != NULL) {
        TAILQ_REMOVE(&intake->deliveries, delivery, beside);
        core_finish(delivery);
    }
}

/* Nothing can fail from here on but the disk. */
static void intake_settle(struct intake *intake)
{
    const struct parcel_item *items = intake->parcel->items;
    struct delivery *delivery;

    while ((delivery = TAILQ_FIRST(&intake->deliveries)) != NULL) {
        size_t place = delivery->ticket.place;
        TAILQ_REMOVE(&intake->deliveries, delivery, beside);
        delivery->group = intake->group;
        if (intake_is_refused(intake, place))
            settle_bury(delivery, intake->model ? REPLY_FAILED : REPLY_DELIVERED,
                        items[place].refusal);
        else
            settle_append(delivery);
    }
    if (intake->group)
        outbox_submit_group(intake->relay->outbox, intake->group);
}

/* Without an outbox, what cannot be sent is discarded. */
static void intake_discard(struct intake *intake)
{
    struct parcel *parcel = intake->parcel;

    for (size_t i = 0; i < parcel->len; i++) {
        if (!intake_is_refused(intake, i))
            continue;
        core_count_discarded(intake->relay,
                             intake_model_of(intake->relay, &parcel->items[i].event));
        parcel_reply(parcel, i, REPLY_FAILED, parcel->items[i].refusal);
    }
}

static size_t intake_bytes(const struct parcel *parcel)
{
    size_t bytes = 0;

    for (size_t i = 0; i < parcel->len; i++)
        bytes += parcel->items[i].event.body.len;
    return bytes;
}

static int intake_take(struct intake *intake)
{
    int r = intake_new_group(intake->relay, &intake->group);

    for (size_t i = 0; r == 0 && i < intake->parcel->len; i++)
        r = intake_add(intake, i);
    if (r == 0)
        return 0;
    intake_undo(intake);
    if (intake->group)
        intake_stored(intake->group, r);
    return r;
}

void intake_accept_all(struct relay *relay, struct parcel *parcel, struct routes *routes,
                       const struct route *route, bool made)
{
    struct intake intake = {.relay = relay, .parcel = parcel, .made = made};
    struct span refusal = intake_refusal(relay, intake_bytes(parcel));
    int r = 0;

    TAILQ_INIT(&intake.deliveries);
    if (refusal.at) {
        parcel_refuse(parcel, refusal);
        return;
    }
    if (route)
        r = routing_model(relay, routes, route, &intake.model);
    if (r == 0)
        r = intake_take(&intake);
    if (r) {
        parcel_refuse(parcel, span_of(intake_no_memory));
        return;
    }
    if (!relay->outbox)
        intake_discard(&intake);
    intake_settle(&intake);
}
