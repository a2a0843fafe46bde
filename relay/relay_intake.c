/* SPDX-License-Identifier: MIT */
/*
 * From rows that the outbox has read to events in their lanes, a bounded part of them in each turn
 * of the loop: a page is up to thousands of events, and one event may be megabytes of text to scan.
 */
#include <errno.h>

#include "base/error.h"
#include "handlers/sync.h"
#include "relay/delivery.h"

enum {
    RELAY_INTAKE_BYTES = 512 * 1024, /* of bodies, in one turn */
    RELAY_INTAKE_ROW_BYTES = 2048,   /* what a row costs whatever its size, in bytes of a body */
};

void relay_intake_init(struct relay_intake *intake, struct relay *relay, bool replays)
{
    intake->relay = relay;
    intake->replays = replays;
    TAILQ_INIT(&intake->rows);
}

static void relay_intake_drop(struct relay_intake *intake)
{
    struct outbox_row *row;

    while ((row = TAILQ_FIRST(&intake->rows))) {
        TAILQ_REMOVE(&intake->rows, row, link);
        outbox_row_free(row);
    }
    intake->read_bytes = 0;
}

void relay_intake_done(struct relay_intake *intake)
{
    if (!TAILQ_EMPTY(&intake->rows))
        loop_hook_remove(intake->relay->loop, &intake->hook);
    relay_intake_drop(intake);
}

/*
 * The arguments of a large event are made here, where there is one in a turn at most; those that
 * are refused, or find no memory, are made again, and judged, when its turn to be sent comes.
 */
static void relay_intake_args(struct delivery *delivery)
{
    cleanup(buf_done) struct buf message = BUF_NULL;

    if (delivery->event.body.len > RELAY_INTAKE_BYTES)
        (void)relay_make_args(delivery, &message);
}

/* The event takes its place; what is wrong with it by now makes a dead letter of it. 0 or -ENOMEM.
 */
static int relay_intake_event(struct relay_intake *intake, const struct store_row *row,
                              struct event *event, struct span unreadable)
{
    struct relay *relay = intake->relay;

    event->arrived_ms = row->arrived_ms;
    struct delivery *delivery = delivery_new(relay, event, NULL);
    if (!delivery)
        return error_origin(-ENOMEM);
    delivery->stored = DELIVERY_STORED;
    delivery->attempts = row->attempts;
    delivery->tried_ms = row->tried_ms;
    delivery->place.seq = row->id;
    if (intake->replays)
        delivery->since_ms = clock_wall_ms(loop_clock(relay->loop));
    if (delivery->event.model.at)
        delivery->route = relay_route_find(relay, delivery->event.model);
    if (!delivery->route) {
        relay_settle_bury(delivery, REPLY_FAILED,
                          unreadable.len ? unreadable : span_of(sync_no_route_text));
        return 0;
    }
    struct relay_route *route = delivery->route;
    if (intake->replays && route->backlog && row->id > route->cursor) {
        /* Its page has it in its place, and is yet to come: a read at hand may have missed it. */
        route->spilled = true;
        delivery_free(delivery);
        return 0;
    }
    int r = relay_join(delivery);
    if (r == LANES_TOO_LATE) {
        delivery->stale = true;
        relay_settle_bury(delivery, REPLY_FAILED,
                          SPAN("A newer event of the record was on its way already"));
    } else if (r) {
        delivery_free(delivery);
        return r;
    } else if (route->lost) {
        relay_bury_stray(delivery);
    } else {
        relay_intake_args(delivery);
    }
    return 0;
}

/* Reads the row's body on, room bytes of it at most. Returns how many it were. */
static size_t relay_intake_read(struct relay_intake *intake, const struct store_row *row,
                                size_t room)
{
    size_t left = row->body.len - intake->read_bytes;
    size_t len = left < room ? left : room;

    if (intake->read_bytes == 0)
        envelope_init(&intake->envelope);
    intake->read_bytes += len;
    envelope_feed(&intake->envelope, (struct span){row->body.at, intake->read_bytes});
    return len;
}

static int relay_intake_row(struct relay_intake *intake, struct outbox_row *row)
{
    struct buf body = {(char *)row->row.body.at, row->row.body.len, row->row.body.len};
    cleanup(event_done) struct event event = {0};
    cleanup(buf_done) struct buf why = BUF_NULL;
    int r = envelope_end(&intake->envelope, &body, &event, &why);

    row->row.body.at = NULL; /* the event's now, or body's */
    if (r > 0)
        event.body = body; /* the disk has spoiled it: a letter that nobody can send, but look at */
    else if (r)
        buf_done(&body);
    return r < 0 ? r : relay_intake_event(intake, &row->row, &event, buf_span(&why));
}

static void relay_intake_some(struct relay_intake *intake)
{
    /* Replays all at once: a newer event of their record may be about to leave its lane. */
    size_t room = intake->replays ? SIZE_MAX : RELAY_INTAKE_BYTES;
    struct outbox_row *row;

    while (room > 0 && (row = TAILQ_FIRST(&intake->rows))) {
        room -= relay_intake_read(intake, &row->row, room);
        if (intake->read_bytes < row->row.body.len)
            break;
        TAILQ_REMOVE(&intake->rows, row, link);
        intake->read_bytes = 0;
        /* Without this event none behind it may come in: one may be of its record. */
        if (relay_intake_row(intake, row)) {
            intake->lost_id = row->row.id;
            relay_intake_drop(intake);
        }
        outbox_row_free(row);
        room -= room < RELAY_INTAKE_ROW_BYTES ? room : RELAY_INTAKE_ROW_BYTES;
    }
    relay_dispatch(intake->relay);
}

/* Other hooks have run before this one, and must see what it has brought: there is no wait. */
static int relay_intake_goes_on(void *ctx)
{
    struct relay_intake *intake = ctx;

    relay_intake_some(intake);
    if (TAILQ_EMPTY(&intake->rows)) {
        loop_hook_remove(intake->relay->loop, &intake->hook);
        intake->done(intake);
    }
    return 0;
}

void relay_intake_take(struct relay_intake *intake, struct outbox_rows *rows)
{
    TAILQ_CONCAT(&intake->rows, rows, link);
    intake->lost_id = 0;
    relay_intake_some(intake);
    if (TAILQ_EMPTY(&intake->rows)) {
        intake->done(intake);
        return;
    }
    intake->hook = (struct loop_hook){.before_wait = relay_intake_goes_on, .ctx = intake};
    loop_hook_add(intake->relay->loop, &intake->hook);
}
