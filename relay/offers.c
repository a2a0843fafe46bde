/* SPDX-License-Identifier: MIT */
/*
 * Offers: dead letters that somebody wants sent again.
 *
 *   in the outbox   offered --taken--> pending
 *                   offered --refused, stale--> dead
 *   in memory       FETCHING --taken--> WAITING; --refused, stale--> gone
 *
 * Offers are for idle moments of their model: all pending events of the model are in memory, a slot
 * is free, and no live event is ready. An offer goes to the end of its record's lane. The offer
 * takes the place there first; only then does the outbox make it pending. No older event can thus
 * reach Convex after a newer one of its record, since a newer event is in one of three places:
 *
 *   in the lane already   the offer is refused;
 *   not there yet         the newer event will stand behind the offer;
 *   delivered             the outbox has marked the offer as stale, and answers STORE_STALE instead
 *                         of taking the offer. That mark was submitted before the taking, and the
 *                         outbox works in the order of submission. While a stale mark is owed, no
 *                         offer is taken.
 *
 * In a journal, an event gets its id and its place together, once it is stored, and so does a
 * forced offer, once it is taken: what was submitted before the taking has a lower id, and its
 * place before; what was submitted behind it has a higher id, and its place behind. Any other offer
 * keeps its id, which is lower than those of all events that are being stored. It claims its place
 * first, as ever: such an event is "not there yet", wherever in the outbox its append is.
 *
 * A walk through the outbox finds which models have offers, after another process has changed the
 * outbox and after routes have changed. On the way, offers of models without a route are refused.
 */
#include "relay/offers.h"

#include <errno.h>

#include "base/error.h"
#include "base/log.h"
#include "relay/core.h"
#include "relay/prepared.h"
#include "relay/settle.h"

/* How many offers of all models may be on their way at once, since bodies may be large. A model
 * that has none on its way may have one all the same. */
enum { OFFERS_AT_ONCE = 8 };

/* Why a replay is refused, in the log and behind the letter's reason. */
static const char offers_overtaken_text[] = "a newer event of the record waits";
static const char offers_no_route_text[] = "the model has no route";

static const char offers_no_route_log[] =
    "replays refused: the model has no route; they are dead letters again";

/* ---- one offer ---- */

/* Where refused offers of the model count; model is NULL if no route has ever named it. */
static uint64_t *offers_refused_of(struct relay *relay, struct model *model)
{
    return core_counts_of(relay, model) == &relay->other ? &relay->refused_other
                                                         : &model->offers.refused;
}

static void offers_count_refused(struct model *model, uint64_t id, const char *why)
{
    struct log_sum *sum = &model->relay->refused;

    *offers_refused_of(model->relay, model) += 1;
    if (log_sum_first(sum))
        log_warn(sum->message, "id", log_number(id), "model", model->name, "why", why);
}

/* The outbox has taken or refused the offer, or has failed to. */
static void offers_end(struct delivery *delivery, int r)
{
    struct model_offers *offers = &delivery->model->offers;

    delivery->relay->offers_taking--;
    offers->taking--;
    offers->failed |= r && r != STORE_MISSING && r != STORE_STALE; /* MISSING: the offer is gone */
}

static void offers_refused(struct outbox_op *op, int r)
{
    struct delivery *delivery = container_of(op, struct delivery, append);

    offers_end(delivery, r);
    if (r == 0)
        offers_count_refused(delivery->model, op->row.id, offers_overtaken_text);
    core_finish(delivery);
}

/* In a journal a forced offer has its new id now, and gets its place. False: it is spilled, and
 * gone from memory. */
static bool offers_place(struct delivery *delivery, uint64_t new_id)
{
    if (delivery->id == new_id)
        return true;
    if (delivery->place.lane) /* it was read before somebody forced it */
        lanes_leave(&delivery->relay->lanes, &delivery->place);
    delivery->id = new_id;
    if (core_place(delivery, LANES_IDLE))
        return true;
    core_finish(delivery);
    return false;
}

static void offers_taken(struct outbox_op *op, int r)
{
    struct delivery *delivery = container_of(op, struct delivery, append);

    offers_end(delivery, r);
    if (r == STORE_STALE)
        offers_count_refused(delivery->model, op->row.id,
                             "a newer event of the record was delivered");
    if (r) {
        core_finish(delivery);
        return;
    }
    struct prepared *prepared = op->taken_row->prepared;
    struct outbox_row *row = op->taken_row;
    prepared_move(row, delivery);
    delivery_enter(delivery, DELIVERY_WAITING);
    if (offers_place(delivery, op->new_id)) {
        if (prepared->spoilt)
            settle_bury(delivery, REPLY_FAILED, buf_span(&prepared->why));
        else
            lanes_ready(&delivery->relay->lanes, &delivery->place);
        core_ask_pump(delivery->relay);
    }
    outbox_row_free(row);
}

static void offers_submit(struct delivery *delivery, const struct store_row *row, bool overtaken)
{
    struct relay *relay = delivery->relay;

    delivery->append = (struct outbox_op){
        .kind = overtaken ? OUTBOX_REFUSE : OUTBOX_TAKE,
        .row = {.id = row->id, .reason = span_of(offers_overtaken_text)},
        .new_id = delivery->id,
        .now_ms = clock_wall_ms(loop_clock(relay->loop)),
        .prepare = prepared_read,
        .done = overtaken ? offers_refused : offers_taken,
    };
    relay->offers_taking++;
    delivery->model->offers.taking++;
    outbox_submit(relay->outbox, &delivery->append);
}

/* Claims the end of the record's lane for the offer, and has it taken; or refused, where a newer
 * event stands there. 0 or -ENOMEM. */
static int offers_claim(struct model *model, const struct store_row *row)
{
    struct relay *relay = model->relay;
    struct event none = {0};
    struct delivery *delivery = delivery_new(&relay->deliveries, &none, NULL);

    if (!delivery)
        return error_origin(-ENOMEM);
    delivery->state = DELIVERY_FETCHING;
    delivery->model = model;
    delivery->id = row->state == STORE_FORCED ? core_next_id(relay) : row->id;
    delivery_set_row(delivery, DELIVERY_ROW_STORED);
    if (delivery->id == 0) {
        offers_submit(delivery, row, false);
        return 0;
    }
    delivery->event.record = row->record; /* the lane copies its bytes */
    int r = core_join(delivery, LANES_IDLE);
    delivery->event.record = SPAN_NULL;
    if (r < 0) {
        delivery_free(delivery);
        return r;
    }
    if (r == 0)
        queue_join(&model->queue, delivery->id);
    offers_submit(delivery, row, r == LANES_OVERTAKEN);
    return 0;
}

/* ---- the offers of a model ---- */

/* Whether offers of the model may be taken now. Offers on their way do not take a slot yet. */
static bool offers_is_idle(const struct model *model)
{
    const struct relay *relay = model->relay;

    return !queue_is_behind(&model->queue) && lanes_would_start(&relay->lanes, &model->lanes) &&
           !core_is_full(relay) && relay->phase < RELAY_FINISHING &&
           outbox_stale_marks_owed(relay->outbox) == 0;
}

static void offers_came(struct outbox_read *read, struct outbox_rows *rows, bool more, int r)
{
    struct model *model = container_of(read, struct model, offers.read);
    bool idle = offers_is_idle(model);
    struct outbox_row *row;

    model->offers.reading = false;
    model->offers.wanted |= more;
    while ((row = TAILQ_FIRST(rows))) {
        TAILQ_REMOVE(rows, row, link);
        if (!idle || (model->offers.taking > 0 && model->relay->offers_taking >= OFFERS_AT_ONCE))
            model->offers.wanted = true;
        else if (!r)
            r = offers_claim(model, &row->row);
        outbox_row_free(row);
    }
    if (r) {
        model->offers.failed = true;
        model->offers.wanted = true;
    }
    core_ask_pump(model->relay);
}

/* Begins to read offers of the model, which offers_came() claims places for. */
static void offers_read_on(struct model *model)
{
    struct relay *relay = model->relay;
    struct model_offers *offers = &model->offers;

    if (!offers->wanted || offers->reading || offers->failed || offers->taking > 0 ||
        !offers_is_idle(model))
        return;
    offers->reading = true;
    offers->wanted = false; /* offers_came() sets this again, if there are more offers */
    offers->read = (struct outbox_read){
        .model = span_of(model->name),
        .offers = true,
        .rows_max = (uint64_t)lanes_free(&relay->lanes, &model->lanes),
        .done = offers_came,
    };
    outbox_submit_read(relay->outbox, &offers->read);
}

void offers_take_all(struct relay *relay)
{
    struct model *model;

    if (!relay->outbox)
        return;
    TAILQ_FOREACH (model, &relay->models.list, link)
        offers_read_on(model);
}

void offers_retry(struct relay *relay)
{
    struct model *model;

    TAILQ_FOREACH (model, &relay->models.list, link) {
        model->offers.wanted |= model->offers.failed;
        model->offers.failed = false;
    }
    if (relay->offers_due)
        offers_find(relay);
}

/* ---- the walk ---- */

static struct model *offers_walk_model(struct relay *relay)
{
    return relay->offers_walk.named
               ? models_find(&relay->models, buf_span(&relay->offers_walk.model))
               : NULL;
}

/* The walk has come to a model. True: the model has no route, so its offers are to be refused. */
static bool offers_meet(struct relay *relay)
{
    struct model *model = offers_walk_model(relay);

    if (!model || model->lost)
        return true;
    model->offers.wanted = true;
    core_ask_pump(relay);
    return false;
}

/* The walk leaves a model, whose refused offers are counted. */
static void offers_leave(struct relay *relay)
{
    struct relay_refusals *refusals = &relay->walk_refusals;
    struct model *model = offers_walk_model(relay);

    if (refusals->here == 0)
        return;
    *offers_refused_of(relay, model) += refusals->here;
    refusals->events += refusals->here;
    refusals->models++;
    refusals->last = model;
    refusals->here = 0;
}

static void offers_end_walk(struct relay *relay, int r)
{
    const struct relay_refusals *refusals = &relay->walk_refusals;

    offers_leave(relay);
    if (refusals->models == 1)
        log_warn(offers_no_route_log, "model", refusals->last ? refusals->last->name : "(other)",
                 "events", log_number((int64_t)refusals->events));
    else if (refusals->models > 1)
        log_warn(offers_no_route_log, "models", log_number((int64_t)refusals->models), "events",
                 log_number((int64_t)refusals->events));
    relay->offers_walking = false;
    relay->offers_due |= r != STORE_MISSING;
    core_ask_pump(relay); /* the pump logs lost routes, whose counts are right from now on */
}

static void offers_walk_on(struct relay *relay, bool refuse)
{
    relay->offers_walk.step = refuse ? OUTBOX_WALK_REFUSE : OUTBOX_WALK_NEXT;
    outbox_submit_walk(relay->outbox, &relay->offers_walk);
}

static void offers_walked(struct outbox_walk *walk, int r)
{
    struct relay *relay = container_of(walk, struct relay, offers_walk);

    if (walk->step == OUTBOX_WALK_REFUSE)
        relay->walk_refusals.here += walk->refused;
    if (r || relay->phase == RELAY_GIVEN_UP) { /* STORE_MISSING: no model is left */
        offers_end_walk(relay, r);
        return;
    }
    if (walk->step == OUTBOX_WALK_REFUSE && walk->refused == 0) {
        offers_leave(relay);
        offers_walk_on(relay, false);
    } else {
        offers_walk_on(relay, offers_meet(relay));
    }
}

void offers_find(void *ctx)
{
    struct relay *relay = ctx;

    relay->offers_due = true;
    if (!relay->outbox || relay->offers_walking || relay->phase == RELAY_GIVEN_UP)
        return;
    relay->offers_due = false;
    relay->offers_walking = true;
    relay->walk_refusals = (struct relay_refusals){0};
    buf_done(&relay->offers_walk.model);
    relay->offers_walk =
        (struct outbox_walk){.reason = span_of(offers_no_route_text), .done = offers_walked};
    offers_walk_on(relay, true); /* first stop: offers that name no model, and so have no route */
}
