/* SPDX-License-Identifier: MIT */
/*
 * The outbox's side: what is written of an event, and when it may be forgotten.
 *
 *   append  at once, side by side with the first attempt, or before it, where the record may have
 *           dead letters
 *   note    after an attempt that failed: how often, and why
 *   fate    delivered, or dead. The next event of the record waits for it where the event was on
 *           disk: after a crash Convex may see the last event of a record twice, but never an
 *           older one after a newer one.
 *
 * The outbox works in the order of submission, so that a fate may follow an append that is still
 * under way.
 *
 * A fate that the disk refuses:
 *
 *   The event is on disk: it is tried again every second. The record's lane stands still
 *   meanwhile, since after a crash the event would be sent again. Its sender is told what became
 *   of it, which is safe.
 *   It is not, and was delivered: there is nothing to be written.
 *   It is not, and is a letter: it could be neither delivered nor stored. Its sender is told 503,
 *   with Convex's message, and it is gone: to hold on to it would keep the record's next event from
 *   Convex, which may be well.
 */
#include <errno.h>

#include "base/log.h"
#include "relay/delivery.h"

enum {
    RELAY_FATE_AGAIN_MS = 1000,
};

static void relay_append_done(struct outbox_op *op, int r)
{
    struct delivery *delivery = container_of(op, struct delivery, append);
    struct relay *relay = delivery->relay;

    delivery->stored = r ? DELIVERY_UNSTORABLE : DELIVERY_STORED;
    delivery_count_bytes(delivery);
    if (r == 0)
        relay_count_stored(delivery);
    if (delivery->state == DELIVERY_SPILLED) {
        struct relay_route *route = delivery->route;
        if (r)
            delivery_reply(delivery, REPLY_UNAVAILABLE, SPAN("The event could not be stored"));
        else
            delivery_reply(delivery, REPLY_QUEUED, SPAN_NULL);
        delivery_free(delivery);
        relay_page(route);
        return;
    }
    if (delivery->state == DELIVERY_WAITING) /* at the head of its lane, for this */
        lanes_ready(&relay->lanes, &delivery->place);
    if (delivery->overdue && delivery->state != DELIVERY_SETTLING)
        delivery_overdue(delivery);
    relay_dispatch(relay);
}

/* The row as it is now; the outbox reads it until the operation is done. */
static struct store_row relay_row(const struct delivery *delivery)
{
    const struct event *event = &delivery->event;

    return (struct store_row){
        .id = delivery->place.seq,
        .state = STORE_PENDING,
        .model = event->model,
        .record = event->record,
        .body = buf_span(&event->body),
        .arrived_ms = event->arrived_ms,
        .attempts = delivery->attempts,
        .tried_ms = delivery->tried_ms,
        .stale = delivery->stale,
        .reason = delivery->reason.len ? buf_span(&delivery->reason) : SPAN_NULL,
    };
}

void relay_store(struct delivery *delivery)
{
    struct relay *relay = delivery->relay;

    if (!relay->outbox)
        return;
    delivery->stored = DELIVERY_STORING;
    delivery->append = (struct outbox_op){
        .kind = OUTBOX_APPEND,
        .row = relay_row(delivery),
        .patient = true,
        .done = relay_append_done,
    };
    outbox_submit(relay->outbox, &delivery->append);
}

/*
 * Its record may have dead letters. They become stale with its row, also over a crash: without one
 * it would leave no trace, and they could be replayed over it.
 */
bool relay_goes_to_disk_first(const struct delivery *delivery)
{
    const struct event *event = &delivery->event;

    return delivery->stored == DELIVERY_STORING &&
           outbox_may_have_letters(delivery->relay->outbox, event->model, event->record);
}

/* Notes are for people who look at what is pending: one that fails, or comes late, is no loss. */
static void relay_note_done(struct outbox_op *op, int r)
{
    (void)r;
    op->done = NULL;
}

void relay_note_failure(struct delivery *delivery)
{
    if (delivery->stored != DELIVERY_STORED || delivery->note.done)
        return;
    delivery->noted.len = 0;
    if (buf_append_span(&delivery->noted, buf_span(&delivery->reason)))
        return;
    delivery->note = (struct outbox_op){
        .kind = OUTBOX_POSTPONE,
        .row = relay_row(delivery),
        .patient = true,
        .done = relay_note_done,
    };
    /* The next attempt may fail before this is written, and has a reason of its own. */
    delivery->note.row.reason = buf_span(&delivery->noted);
    outbox_submit(delivery->relay->outbox, &delivery->note);
}

/* ---- fates ---- */

static void relay_submit_fate(struct delivery *delivery)
{
    outbox_submit(delivery->relay->outbox, &delivery->fate);
}

static void relay_fate_again(void *ctx)
{
    relay_submit_fate(ctx);
}

static bool relay_is_letter(const struct delivery *delivery)
{
    return delivery->fate.kind == OUTBOX_BURY || delivery->fate.kind == OUTBOX_APPEND;
}

static void relay_fate_written(struct delivery *delivery, int r)
{
    bool letter = relay_is_letter(delivery);

    /* What others have made a letter of, they have counted. */
    if (r == 0 || delivery->stored != DELIVERY_STORED)
        relay_count_end(delivery, letter ? RELAY_END_BURIED : RELAY_END_DELIVERED);
    if (letter)
        delivery_reply(delivery, delivery->reply, buf_span(&delivery->message));
    relay_finish(delivery);
}

static void relay_fate_done(struct outbox_op *op, int r);

static void relay_write_fate(struct delivery *delivery, enum outbox_kind kind)
{
    delivery->fate = (struct outbox_op){
        .kind = kind,
        .row = relay_row(delivery),
        .patient = lanes_is_last(&delivery->place),
        .done = relay_fate_done,
    };
    relay_submit_fate(delivery);
}

/* 0; or -ENOMEM, and it is still there. */
static int relay_forget_delivered(struct delivery *delivery)
{
    int r = outbox_delivered_unstored(delivery->relay->outbox, delivery->place.seq,
                                      delivery->event.model, delivery->event.record);

    if (r)
        return r;
    relay_count_end(delivery, RELAY_END_DELIVERED);
    relay_finish(delivery);
    return 0;
}

/* A replay that is being taken up, older than the event, must meet it in its lane. */
static void relay_settle_unstored(struct delivery *delivery)
{
    const struct event *event = &delivery->event;

    if (outbox_may_have_letters(delivery->relay->outbox, event->model, event->record) ||
        relay_forget_delivered(delivery))
        relay_write_fate(delivery, OUTBOX_OVERTAKES);
}

/*
 * There was no row to change: the append before it had failed, after the fate was submitted. What
 * has been delivered need not be stored any more, and counts; a letter is stored as one.
 */
static void relay_fate_without_row(struct delivery *delivery)
{
    if (delivery->fate.kind == OUTBOX_DELIVERED) {
        relay_settle_unstored(delivery);
        return;
    }
    delivery->fate.kind = OUTBOX_APPEND;
    relay_submit_fate(delivery);
}

static void relay_letter_refused(struct delivery *delivery)
{
    log_debug("no disk for a dead letter", "id", log_number(delivery->place.seq), "model",
              delivery->route ? delivery->route->model : NULL);
    delivery_reply(delivery, REPLY_UNAVAILABLE,
                   delivery->reply == REPLY_DELIVERED ? SPAN("The event could not be stored")
                                                      : buf_span(&delivery->message));
    if (delivery->stored == DELIVERY_STORED) /* its row has gone */
        relay_count_end(delivery, RELAY_END_DISCARDED);
    relay_finish(delivery);
}

/* The event is on disk as it was, and the sender need not wait for the disk to recover. */
static void relay_write_fate_later(struct delivery *delivery)
{
    struct relay *relay = delivery->relay;

    if (delivery->reply ==
        REPLY_DELIVERED) /* of a letter: a 200 would promise that it is written */
        delivery_reply(delivery, REPLY_QUEUED, SPAN_NULL);
    else
        delivery_reply(delivery, delivery->reply, buf_span(&delivery->message));
    delivery->timer.fn = relay_fate_again;
    delivery->timer.ctx = delivery;
    loop_timer_set(relay->loop, &delivery->timer, loop_now_ms(relay->loop) + RELAY_FATE_AGAIN_MS);
}

static void relay_fate_known(struct delivery *delivery, int r)
{
    enum outbox_kind kind = delivery->fate.kind;
    bool has_row = kind != OUTBOX_APPEND && delivery->stored == DELIVERY_STORED;

    if (r == 0 || r == -EEXIST) /* somebody else has buried it */
        relay_fate_written(delivery, r);
    else if (kind == OUTBOX_OVERTAKES && relay_forget_delivered(delivery) == 0)
        return; /* the outbox goes on trying */
    else if (kind == OUTBOX_OVERTAKES || (has_row && r != STORE_MISSING))
        relay_write_fate_later(delivery);
    else if (r == STORE_MISSING || kind == OUTBOX_DELIVERED)
        relay_fate_without_row(delivery);
    else
        relay_letter_refused(delivery);
}

static void relay_fate_done(struct outbox_op *op, int r)
{
    struct delivery *delivery = container_of(op, struct delivery, fate);
    struct relay *relay = delivery->relay;

    if (r == 0 && op->missing) /* the append before it had failed */
        r = STORE_MISSING;
    if (!relay_intake_is_busy(&relay->replays_intake)) {
        relay_fate_known(delivery, r);
        return;
    }
    if (r == 0 && relay_is_letter(delivery)) /* that may be long: memory may be short */
        delivery_reply(delivery, delivery->reply, buf_span(&delivery->message));
    delivery->fate_result = r;
    TAILQ_INSERT_TAIL(&relay->fated, delivery, fated);
}

void relay_settle_fated(struct relay *relay)
{
    struct delivery *delivery;

    while ((delivery = TAILQ_FIRST(&relay->fated))) {
        TAILQ_REMOVE(&relay->fated, delivery, fated);
        relay_fate_known(delivery, delivery->fate_result);
    }
}

/* Whether a row is on disk, or will be by the time that the next operation is done. */
static bool relay_has_row(struct delivery *delivery)
{
    if (delivery->stored == DELIVERY_STORING && !relay_goes_to_disk_first(delivery) &&
        outbox_withdraw(delivery->relay->outbox, &delivery->append))
        delivery->stored = DELIVERY_UNSTORED;
    return delivery->stored == DELIVERY_STORING || delivery->stored == DELIVERY_STORED;
}

/* Nobody behind it in its lane goes on until it has left; relay_start() sees to that, too, where
 * it comes to the head later. */
static void relay_enter_settling(struct delivery *delivery)
{
    delivery_enter(delivery, DELIVERY_SETTLING);
    if (delivery->place.lane)
        lanes_rest(&delivery->relay->lanes, &delivery->place);
}

void relay_settle_delivered(struct delivery *delivery)
{
    struct relay *relay = delivery->relay;

    delivery_reply(delivery, REPLY_DELIVERED, SPAN_NULL);
    relay_enter_settling(delivery);
    if (!relay->outbox) {
        relay_count_end(delivery, RELAY_END_DELIVERED);
        relay_finish(delivery);
    } else if (relay_has_row(delivery)) {
        relay_write_fate(delivery, OUTBOX_DELIVERED);
    } else {
        relay_settle_unstored(delivery);
    }
}

static void relay_log_dead(struct delivery *delivery)
{
    struct log_sum *sum = delivery->route ? &delivery->route->failures : &delivery->relay->unrouted;

    if (!log_sum_first(sum))
        return;
    log_warn(sum->message, "request", delivery_request_id(delivery), "id",
             log_number(delivery->place.seq), "model",
             delivery->route ? delivery->route->model : NULL, "attempts",
             log_number(delivery->attempts));
}

void relay_settle_bury(struct delivery *delivery, enum reply reply, struct span reason)
{
    struct relay *relay = delivery->relay;
    struct span kept = reason;

    delivery->reply = reply;
    relay_enter_settling(delivery);
    if (!relay->outbox) {
        delivery_reply(delivery, reply, reason);
        relay_count_end(delivery, RELAY_END_DISCARDED);
        relay_finish(delivery);
        return;
    }
    if (!delivery->route || !delivery->route->lost)
        relay_log_dead(delivery);
    if (kept.len > DELIVERY_REASON_MAX)
        kept.len = DELIVERY_REASON_MAX;
    delivery->reason.len = 0;
    /* Without memory for them, the letter lacks its reason, and the sender gets an empty one. */
    (void)buf_append_span(&delivery->reason, kept);
    if (delivery->request)
        (void)buf_append_span(&delivery->message, reason);
    delivery->fate = (struct outbox_op){
        .kind = relay_has_row(delivery) ? OUTBOX_BURY : OUTBOX_APPEND,
        .row = relay_row(delivery),
        .done = relay_fate_done,
    };
    delivery->fate.row.state = STORE_DEAD;
    delivery->fate.row.died_ms = clock_wall_ms(loop_clock(relay->loop));
    relay_submit_fate(delivery);
}

void relay_finish(struct delivery *delivery)
{
    struct relay *relay = delivery->relay;
    struct relay_route *route = delivery->route;

    if (delivery->place.lane)
        lanes_leave(&relay->lanes, &delivery->place);
    delivery_free(delivery);
    if (route)
        relay_page(route);
    relay_dispatch(relay);
}
