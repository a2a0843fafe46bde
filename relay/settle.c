/* SPDX-License-Identifier: MIT */
/*
 * Settling: what the outbox writes of an event, in up to three operations.
 *
 *   append  The event is stored, side by side with its first attempt. If the record may have
 *           dead letters, the attempt waits for the append: without a row, a crash after the
 *           delivery could leave no trace of the event, and those letters would never be stale. The
 *           attempt also waits where the mutation gets the event's id (sequence), and a crash could
 *           make that id be given again; and where the event is one of a group, since a group is
 *           stored as a whole before anything of it is sent.
 *   note    After a failed attempt: how many attempts there were, and why the last one failed.
 *   fate    The event was delivered, or is dead. If the event was on disk, the next event of the
 *           record waits until the fate is written. So Convex may see the last event of a record
 *           twice after a crash, but never an older event after a newer one.
 *
 * The outbox works in the order of submission. A fate may therefore be submitted while the append
 * is still under way, whatever comes of the append.
 *
 * If the disk refuses a fate, the row and the fate decide:
 *
 *   a row            The disk is asked again every second. The record's lane stands still
 *                    meanwhile, since after a crash the event would be sent again. The sender is
 *                    told the fate at once, which is safe.
 *   none, delivered  The outbox counts the event when it can. The relay forgets the event.
 *   none, dead       The event could be neither delivered nor stored. The sender is told 503 with
 *                    Convex's message, and the event is gone. Keeping the event would hold up the
 *                    next one of its record, though Convex may be well.
 *
 * A journal stores first. The append gives the event its id, and appends end in the order of their
 * ids: so an event gets its place in line at the end of its append (settle_place()), and nothing
 * is sent without a row. The append of a letter is its fate. While the journal is away, operations
 * wait. A sender waits for its append as long as SETTLE_PATIENCE_MS, or SYNC_WAIT_MS if that is
 * more, and is told 503; what the outbox does not have under way by then, it never stores. An
 * append that was under way, and turns out stored after all, is delivered though its sender was
 * told 503: nobody can know before. A fate waits without end, and the lane with it; the sender is
 * told the fate after SYNC_WAIT_MS, since the row as it was is safe.
 */
#include "relay/settle.h"

#include "base/log.h"
#include "relay/core.h"

enum {
    SETTLE_AGAIN_MS = 1000,
    SETTLE_PATIENCE_MS = 5000,
};

/* The row that the event would have now. The event keeps what the row points at in place until the
 * operation is done. */
static struct store_row settle_row(const struct delivery *delivery)
{
    const struct event *event = &delivery->event;

    return (struct store_row){
        .id = delivery->id,
        .state = STORE_PENDING,
        .model = event->model,
        .record = event->record,
        .body = buf_span(&event->body),
        .request = span_of(ticket_request_id(&delivery->ticket)),
        .arrived_ms = event->arrived_ms,
        .since_ms = event->arrived_ms,
        .attempts = delivery->attempts,
        .tried_ms = delivery->tried_ms,
        .reason = delivery->reason.len ? buf_span(&delivery->reason) : SPAN_NULL,
    };
}

/* ---- journals ---- */

static struct span settle_unstored_text(bool grouped)
{
    return grouped ? SPAN("The events could not be stored") : SPAN("The event could not be stored");
}

/* The sender has waited long enough for the append. May free the delivery. */
static void settle_give_up(void *ctx)
{
    struct delivery *delivery = ctx;
    struct outbox *outbox = delivery->relay->outbox;

    delivery_answer(delivery, REPLY_UNAVAILABLE, settle_unstored_text(delivery->group));
    if (delivery->group)
        outbox_give_up_group(outbox, delivery->group);
    else
        outbox_give_up(outbox,
                       delivery->state == DELIVERY_STORING ? &delivery->append : &delivery->fate);
}

static void settle_set_patience(struct delivery *delivery)
{
    const struct relay *relay = delivery->relay;
    int64_t patience_ms = relay->options.sync_wait_ms > SETTLE_PATIENCE_MS
                              ? relay->options.sync_wait_ms
                              : SETTLE_PATIENCE_MS;

    delivery->timer = (struct loop_timer){.fn = settle_give_up, .ctx = delivery};
    loop_timer_set(relay->loop, &delivery->timer, loop_now_ms(relay->loop) + patience_ms);
}

/* The event is stored, and gets its place in line, if the window has one. */
static void settle_place(struct delivery *delivery, uint64_t id)
{
    delivery->id = id;
    if (core_place(delivery, LANES_LIVE))
        delivery_enter(delivery, DELIVERY_WAITING);
}

/* ---- pending ---- */

/* The group was stored, or was refused. Whether the event was in one. */
static bool settle_leave_group(struct delivery *delivery)
{
    bool grouped = delivery->group != NULL;

    delivery->group = NULL;
    return grouped;
}

static void settle_appended(struct outbox_op *op, int r)
{
    struct delivery *delivery = container_of(op, struct delivery, append);
    bool grouped = settle_leave_group(delivery);

    delivery_set_row(delivery, r ? DELIVERY_ROW_NONE : DELIVERY_ROW_STORED);
    core_ask_pump(delivery->relay);
    if (!r && delivery->id == 0)
        settle_place(delivery, op->row.id);
    if (delivery->state == DELIVERY_STORING ||
        (delivery->state == DELIVERY_WAITING && grouped && r)) {
        if (r)
            delivery_answer(delivery, REPLY_UNAVAILABLE, settle_unstored_text(grouped));
        else
            delivery_answer(delivery, REPLY_QUEUED, SPAN_NULL);
        core_finish(delivery);
        return;
    }
    if (delivery->state == DELIVERY_WAITING) /* the lane may rest until the append is done */
        lanes_ready(&delivery->relay->lanes, &delivery->place);
    if (delivery->ticket.state == TICKET_DUE)
        settle_ticket_due(&delivery->ticket);
}

void settle_append(struct delivery *delivery)
{
    struct relay *relay = delivery->relay;

    if (!relay->outbox)
        return;
    delivery_set_row(delivery, DELIVERY_ROW_WRITING);
    delivery->append = (struct outbox_op){
        .kind = OUTBOX_APPEND,
        .row = settle_row(delivery),
        .patient = true,
        .done = settle_appended,
    };
    if (relay->journal)
        settle_set_patience(delivery);
    if (delivery->group)
        outbox_group_add(delivery->group, &delivery->append);
    else
        outbox_submit(relay->outbox, &delivery->append);
}

bool settle_is_disk_first(const struct delivery *delivery)
{
    const struct event *event = &delivery->event;
    const struct outbox *outbox = delivery->relay->outbox;

    return delivery->row == DELIVERY_ROW_WRITING &&
           (delivery->group || outbox_may_have_letters(outbox, event->model, event->record) ||
            (delivery->model->route->sequence && outbox_is_past_mark(outbox, delivery->id)));
}

/* Notes are for people who look at pending events: a note that fails or comes late is no loss. */
static void settle_noted(struct outbox_op *op, int r)
{
    (void)r;
    op->done = NULL;
}

void settle_note_failure(struct delivery *delivery)
{
    if (delivery->row != DELIVERY_ROW_STORED || delivery->note.done)
        return;
    delivery->noted.len = 0;
    if (buf_append_span(&delivery->noted, buf_span(&delivery->reason)))
        return;
    delivery->note = (struct outbox_op){
        .kind = OUTBOX_NOTE_FAILURE,
        .row = settle_row(delivery),
        .patient = true,
        .done = settle_noted,
    };
    /* The next attempt may fail, and change the reason, before this note is written. */
    delivery->note.row.reason = buf_span(&delivery->noted);
    outbox_submit(delivery->relay->outbox, &delivery->note);
}

/* A journal may be away for long. What Convex has taken is said; a letter that is not written yet
 * is a pending event, and may be sent again after a crash. */
static void settle_answer_stored(struct delivery *delivery)
{
    delivery_answer(delivery,
                    delivery->fate.kind == OUTBOX_DELIVERED ? delivery->reply : REPLY_QUEUED_AFTER,
                    buf_span(&delivery->message));
}

void settle_ticket_due(struct ticket *ticket)
{
    struct delivery *delivery = container_of(ticket, struct delivery, ticket);
    struct span reason = buf_span(&delivery->reason);

    if (delivery->state == DELIVERY_SETTLING) {
        if (delivery->relay->journal && delivery->row == DELIVERY_ROW_STORED)
            settle_answer_stored(delivery);
        return; /* settle_written() will answer */
    }
    switch (delivery->row) {
    case DELIVERY_ROW_WRITING:
        return; /* settle_appended() will call this again */
    case DELIVERY_ROW_STORED:
        delivery_answer(delivery, reason.len ? REPLY_QUEUED_AFTER : REPLY_QUEUED, reason);
        return;
    case DELIVERY_ROW_NONE:
        break;
    }
    delivery_answer(delivery, REPLY_UNAVAILABLE,
                    reason.len ? reason : SPAN("The event could be neither delivered nor stored"));
    if (delivery->state != DELIVERY_IN_FLIGHT) /* Convex may be taking one in flight */
        core_finish(delivery);
}

/* ---- fates ---- */

static void settle_again(void *ctx);

/* The disk has refused the fate, and is asked again in a second. The sender is answered now: the
 * row as it was outlives a crash, so no event is lost. */
static void settle_later(struct delivery *delivery)
{
    struct loop *loop = delivery->relay->loop;

    delivery_answer(delivery, delivery->reply, buf_span(&delivery->message));
    delivery->timer = (struct loop_timer){.fn = settle_again, .ctx = delivery};
    loop_timer_set(loop, &delivery->timer, loop_now_ms(loop) + SETTLE_AGAIN_MS);
}

/* The event was delivered, and has no row: it counts as delivered, and older letters of the record
 * become stale as soon as the outbox can write the mark. */
static void settle_forget(struct delivery *delivery)
{
    const struct event *event = &delivery->event;

    if (outbox_delivered_unstored(delivery->relay->outbox, delivery->id, event->model,
                                  event->record))
        settle_later(delivery); /* no memory for the stale mark */
    else
        core_finish(delivery);
}

/* The disk has refused the letter of an event without a row: the sender must keep the event. */
static void settle_give_up_letter(struct delivery *delivery, bool grouped)
{
    log_debug("no disk for a dead letter", "id", log_number(delivery->id), "model",
              delivery->model ? delivery->model->name : NULL);
    delivery_answer(delivery, REPLY_UNAVAILABLE,
                    grouped || delivery->reply == REPLY_DELIVERED ? settle_unstored_text(grouped)
                                                                  : buf_span(&delivery->message));
    core_finish(delivery);
}

static void settle_log_dead(struct delivery *delivery, uint64_t id)
{
    struct model *model = delivery->model;
    struct log_sum *sum = model ? &model->failures : &delivery->relay->unrouted;

    if (log_sum_first(sum))
        log_warn(sum->message, "request", ticket_request_id(&delivery->ticket), "id",
                 log_number(id), "model", model ? model->name : NULL, "attempts",
                 log_number(delivery->attempts));
}

static void settle_written(struct outbox_op *op, int r)
{
    struct delivery *delivery = container_of(op, struct delivery, fate);
    bool stored = delivery->row == DELIVERY_ROW_STORED;
    bool grouped = settle_leave_group(delivery);

    if (op->kind == OUTBOX_DELIVERED && !stored && (r || op->missing)) { /* the append failed */
        settle_forget(delivery);
    } else if (r == 0) {
        if (delivery->id == 0)
            settle_log_dead(delivery, op->row.id);
        delivery_answer(delivery, delivery->reply, buf_span(&delivery->message));
        core_finish(delivery);
    } else if (stored) {
        settle_later(delivery);
    } else {
        settle_give_up_letter(delivery, grouped);
    }
}

static void settle_again(void *ctx)
{
    struct delivery *delivery = ctx;

    if (delivery->row == DELIVERY_ROW_STORED)
        outbox_submit(delivery->relay->outbox, &delivery->fate);
    else
        settle_forget(delivery);
}

static void settle_write(struct delivery *delivery, enum outbox_kind kind)
{
    delivery->fate = (struct outbox_op){
        .kind = kind,
        .row = settle_row(delivery),
        .patient = kind == OUTBOX_DELIVERED && lanes_is_last(&delivery->place),
        .done = settle_written,
    };
    if (kind != OUTBOX_DELIVERED)
        delivery->fate.row.died_ms = clock_wall_ms(loop_clock(delivery->relay->loop));
    if (kind == OUTBOX_APPEND) {
        delivery->fate.row.state = STORE_DEAD;
        settle_set_patience(delivery);
    }
    if (delivery->group && delivery->row == DELIVERY_ROW_NONE) /* a letter from the beginning */
        outbox_group_add(delivery->group, &delivery->fate);
    else
        outbox_submit(delivery->relay->outbox, &delivery->fate);
}

/* Convex was faster than the disk: withdraws the append, if the writer has not taken it yet. The
 * row is NONE if that worked. */
static void settle_withdraw_append(struct delivery *delivery)
{
    if (delivery->row == DELIVERY_ROW_WRITING && !settle_is_disk_first(delivery) &&
        outbox_withdraw(delivery->relay->outbox, &delivery->append))
        delivery_set_row(delivery, DELIVERY_ROW_NONE);
}

/* The lane stands still until the event leaves it. */
static void settle_begin(struct delivery *delivery, enum reply reply)
{
    delivery->reply = reply;
    delivery_enter(delivery, DELIVERY_SETTLING);
    if (delivery->place.lane)
        lanes_rest(&delivery->relay->lanes, &delivery->place);
}

void settle_delivered(struct delivery *delivery)
{
    struct relay *relay = delivery->relay;

    delivery_answer(delivery, REPLY_DELIVERED, SPAN_NULL);
    settle_begin(delivery, REPLY_DELIVERED);
    if (!relay->outbox) {
        core_count_delivered(relay, delivery->model);
        core_finish(delivery);
        return;
    }
    settle_withdraw_append(delivery);
    if (delivery->row == DELIVERY_ROW_NONE)
        settle_forget(delivery);
    else
        settle_write(delivery, OUTBOX_DELIVERED);
}

void settle_bury(struct delivery *delivery, enum reply reply, struct span reason)
{
    struct relay *relay = delivery->relay;
    struct span kept = reason;

    settle_begin(delivery, reply);
    if (!relay->outbox) {
        delivery_answer(delivery, reply, reason);
        core_count_discarded(relay, delivery->model);
        core_finish(delivery);
        return;
    }
    if (delivery->id)
        settle_log_dead(delivery, delivery->id);
    if (kept.len > CORE_REASON_MAX)
        kept.len = CORE_REASON_MAX;
    delivery->reason.len = 0;
    /* Without memory for a copy, the letter has no reason, and the sender gets an empty one. */
    (void)buf_append_span(&delivery->reason, kept);
    if (delivery->ticket.state != TICKET_NONE)
        (void)buf_append_span(&delivery->message, reason);
    settle_withdraw_append(delivery);
    settle_write(delivery, delivery->id ? OUTBOX_BURY : OUTBOX_APPEND);
}
