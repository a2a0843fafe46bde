/* SPDX-License-Identifier: MIT */
/*
 * A batch that fails is sent again in halves, with the events in the same order, down to one event,
 * which goes by the single mutation and is judged there. A split counts as no attempt of the
 * events. delivery.company keeps a half together, and apart from events that no batch has failed
 * with.
 *
 * Convex being away, or refusing everybody, is learned from the first event alone: one call is one
 * piece of evidence. Where the content of an event may be why (a proxy that dislikes a text), the
 * events go singly from then on, so that each is judged alone.
 */
#include "relay/batch_outcome.h"

#include "base/log.h"
#include "convex/batch.h"
#include "relay/core.h"
#include "relay/learn.h"
#include "relay/outcome.h"

static struct delivery *batch_outcome_pop(struct delivery_list *deliveries)
{
    struct delivery *delivery = TAILQ_FIRST(deliveries);

    if (delivery)
        TAILQ_REMOVE(deliveries, delivery, beside);
    return delivery;
}

/* ---- again at once ---- */

static void batch_outcome_void(struct delivery_list *deliveries, int company)
{
    struct delivery *delivery;

    while ((delivery = batch_outcome_pop(deliveries))) {
        delivery->company = company;
        outcome_void(delivery);
    }
}

static void batch_outcome_split(struct model *model, struct delivery_list *deliveries, int n)
{
    int first = n - n / 2;
    struct delivery *delivery;

    model->relay->batch_splits++;
    for (int i = 0; (delivery = batch_outcome_pop(deliveries)); i++) {
        delivery->company = i < first ? first : n - first;
        outcome_void(delivery);
    }
}

static void batch_outcome_unusable(struct model *model)
{
    log_warn("the batch function returns what no batch function may: its events go singly for an "
             "hour, or until a reload; return null, or an array with null, {error: text} or "
             "{again: text} for each item",
             "model", model->name, "function", model->route->batch.mutation);
    batching_off(&model->batching, loop_now_ms(model->relay->loop) + BATCHING_UNUSABLE_MS);
}

static void batch_outcome_missing(struct model *model, const struct verdict *verdict)
{
    log_warn("the batch function is missing: events go singly, and it is looked for every minute",
             "model", model->name, "function", model->route->batch.mutation, "cause",
             verdict->cause);
    batching_off(&model->batching, loop_now_ms(model->relay->loop) + BATCHING_MISSING_MS);
}

/* ---- judged ---- */

static void batch_outcome_upstream_passed(struct relay *relay)
{
    if (learn_upstream_passed(relay))
        outcome_wake(relay);
}

/* The same verdict for each. */
static void batch_outcome_together(struct model *model, struct delivery_list *deliveries, int n,
                                   const struct learn_attempt *learn, const struct verdict *verdict)
{
    bool by_event = verdict->outcome == VERDICT_HELD || verdict->maybe_ran;
    bool alone = verdict->scope == VERDICT_UPSTREAM && by_event;
    struct delivery *delivery;

    if (verdict->pressure == VERDICT_CONFLICT)
        batching_cut(&model->batching, n);
    outcome_learn(TAILQ_FIRST(deliveries), learn, verdict);
    while ((delivery = batch_outcome_pop(deliveries))) {
        struct verdict own = *verdict;
        if (alone)
            delivery->company = 1;
        outcome_note(delivery, learn->began_ms, &own);
        outcome_apply(delivery, &own);
    }
}

static void batch_outcome_done(struct model *model, struct delivery_list *deliveries, int n,
                               const struct learn_attempt *learn, struct verdict *verdict)
{
    batching_clean(&model->batching, n);
    batch_outcome_together(model, deliveries, n, learn, verdict);
}

/*
 * A function that an item lacks holds the route, as where it goes singly; without such an item the
 * call says that the route is well.
 */
static void batch_outcome_learn_items(struct delivery_list *deliveries,
                                      const struct learn_attempt *learn,
                                      const struct verdict *whole, const struct verdict *items)
{
    struct delivery *delivery, *first = TAILQ_FIRST(deliveries);
    const struct verdict *item = items;

    TAILQ_FOREACH (delivery, deliveries, beside) {
        if (item++->outcome == VERDICT_HELD) {
            outcome_learn(delivery, learn, item - 1);
            first = NULL;
        }
    }
    if (first)
        outcome_learn(first, learn, whole);
}

static void batch_outcome_items(struct model *model, struct delivery_list *deliveries, int n,
                                const struct learn_attempt *learn, struct batch *batch)
{
    struct verdict *items = calloc((size_t)n, sizeof(*items));
    int r = items ? 0 : -1;

    for (int i = 0; r == 0 && i < n; i++)
        r = batch_next(batch, &items[i]);
    if (r) {
        outcome_unsent(deliveries, learn->began_ms);
    } else {
        batching_clean(&model->batching, n);
        batch_outcome_learn_items(deliveries, learn, &batch->verdict, items);
    }
    for (int i = 0; items && i < n; i++) {
        struct delivery *delivery = batch_outcome_pop(deliveries);
        if (delivery) {
            outcome_note(delivery, learn->began_ms, &items[i]);
            outcome_apply(delivery, &items[i]);
        }
        buf_done(&items[i].message);
    }
    free(items);
}

static void batch_outcome_judge(struct model *model, struct delivery_list *deliveries, int n,
                                const struct learn_attempt *learn, struct batch *batch)
{
    switch (batch->outcome) {
    case BATCH_DONE:
        batch_outcome_done(model, deliveries, n, learn, &batch->verdict);
        return;
    case BATCH_ITEMS:
        batch_outcome_items(model, deliveries, n, learn, batch);
        return;
    case BATCH_TOGETHER:
        batch_outcome_together(model, deliveries, n, learn, &batch->verdict);
        return;
    case BATCH_UNUSABLE:
    case BATCH_UNREAD:
        if (batch->outcome == BATCH_UNUSABLE)
            batch_outcome_unusable(model);
        outcome_learn(TAILQ_FIRST(deliveries), learn, &batch->verdict);
        batch_outcome_void(deliveries, 1);
        return;
    case BATCH_MISSING:
        batch_outcome_missing(model, &batch->verdict);
        batch_outcome_upstream_passed(model->relay);
        batch_outcome_void(deliveries, 0);
        return;
    case BATCH_TOO_LARGE:
        batching_cut(&model->batching, n);
        break;
    case BATCH_SPLIT:
        break;
    }
    batch_outcome_upstream_passed(model->relay);
    batch_outcome_split(model, deliveries, n);
}

void batch_outcome(struct model *model, struct delivery_list *deliveries, int n,
                   const struct learn_attempt *learn, const struct answer *answer)
{
    cleanup(batch_done) struct batch batch = {0};

    if (batch_read(answer, (size_t)n, &batch))
        outcome_unsent(deliveries, learn->began_ms);
    else
        batch_outcome_judge(model, deliveries, n, learn, &batch);
}
