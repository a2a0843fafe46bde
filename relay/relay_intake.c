/* SPDX-License-Identifier: MIT */
/*
 * From rows that the outbox has read to events in their lanes, a bounded part of them in each turn
 * of the loop: a page is up to thousands of events, and one event may be megabytes of text to scan.
 *
 * What was read first comes in first, pages and replays alike. Events whose fate is written
 * stay in their lanes while replays are coming in: one of these may be older, and must not go to
 * Convex after them.
 */
#include <errno.h>

#include "base/error.h"
#include "handlers/sync.h"
#include "relay/delivery.h"

enum {
    RELAY_INTAKE_BYTES = 512 * 1024, /* of bodies, in one turn */
    RELAY_INTAKE_ROW_BYTES = 2048,   /* what a row costs whatever its size, in bytes of a body */
    RELAY_INTAKE_AGAIN_MS = 1000,    /* after memory was short */
};

void relay_intake_init(struct relay_intake *intake, struct relay *relay, bool replays)
{
    intake->relay = relay;
    intake->replays = replays;
    TAILQ_INIT(&intake->rows);
}

bool relay_intake_is_busy(const struct relay_intake *intake)
{
    return !TAILQ_EMPTY(&intake->rows);
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

static void relay_bury_overtaken(struct delivery *delivery)
{
    delivery->stale = true;
    relay_settle_bury(delivery, REPLY_FAILED,
                      SPAN("A newer event of the record was on its way already"));
}

/* A replay whose record may have a newer event on disk that an earlier process has sent: when that
 * one comes in, it is too late for the replay. */
static bool relay_comes_early(const struct delivery *delivery)
{
    return delivery->replayed && delivery->place.seq <= delivery->relay->earlier_id &&
           relay_reads_earlier(delivery->route);
}

/* An earlier process may have sent it, unless an older event stands before it: a replay does not
 * count, it has come since. */
static void relay_overtake_replays(struct delivery *delivery)
{
    struct lane_place *place = lanes_head(&delivery->place);

    if (!delivery->place.tried || delivery->replayed)
        return;
    for (; place != &delivery->place; place = lanes_next(place)) {
        struct delivery *older = container_of(place, struct delivery, place);
        if (!older->replayed)
            return;
        older->place.tried = false; /* the first that may have gone is the delivery now */
        if (older->state != DELIVERY_SETTLING)
            relay_bury_overtaken(older);
    }
}

/* How long the event has waited before. */
static int64_t relay_intake_age_ms(const struct relay *relay, const struct store_row *row)
{
    int64_t age_ms = relay_age_of(relay, clock_wall_ms(loop_clock(relay->loop)), row->arrived_ms);

    return age_ms > 0 ? age_ms : 0;
}

/*
 * The event takes its place; what is wrong with it by now makes a dead letter of it. 0; or -ENOMEM,
 * and *event is as it was.
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
    delivery_count_bytes(delivery);
    if (row->died_ms > 0) /* a replay, also where it was taken up by an earlier process */
        delivery_count_replayed(delivery);
    else
        delivery->since_ms -= relay_intake_age_ms(relay, row);
    if (delivery->event.model.at)
        delivery->route = relay_route_find(relay, delivery->event.model);
    if (!delivery->route) {
        relay_settle_bury(delivery, REPLY_FAILED,
                          unreadable.len ? unreadable : span_of(sync_no_route_text));
        return 0;
    }
    delivery->place.tried = !intake->replays && row->id <= relay->earlier_id;
    int r = relay_join(delivery);
    if (r == LANES_TOO_LATE) {
        relay_bury_overtaken(delivery);
    } else if (r == LANES_TAKEN) { /* by the same event, which has come as a replay */
        delivery_free(delivery);
    } else if (r) {
        *event = delivery->event;
        delivery->event = (struct event){0};
        delivery_free(delivery);
        return r;
    } else if (delivery->route->lost) {
        relay_bury_stray(delivery);
    } else {
        if (relay_comes_early(delivery))
            delivery_begin_early(delivery);
        relay_overtake_replays(delivery);
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

/* 0, or -ENOMEM and the row is as it was. */
static int relay_intake_row(struct relay_intake *intake, struct outbox_row *row)
{
    struct buf body = {(char *)row->row.body.at, row->row.body.len, row->row.body.len};
    cleanup(event_done) struct event event = {0};
    cleanup(buf_done) struct buf why = BUF_NULL;
    int r = envelope_end(&intake->envelope, &body, &event, &why);

    if (r > 0) /* the disk has spoiled it: a letter that nobody can send, but look at */
        event.body = body;
    if (r >= 0)
        r = relay_intake_event(intake, &row->row, &event, buf_span(&why));
    if (r == 0)
        row->row.body.at = NULL; /* the event's now */
    event.body = BUF_NULL;
    return r;
}

/* Returns what it took, of room; all of it where nothing more may come in now. */
static size_t relay_intake_some(struct relay_intake *intake, size_t room)
{
    struct relay *relay = intake->relay;
    struct outbox_row *row = TAILQ_FIRST(&intake->rows);
    size_t took = relay_intake_read(intake, &row->row, room);

    if (intake->read_bytes < row->row.body.len)
        return room;
    intake->read_bytes = 0;
    /* Without this event none behind it may come in: one may be of its record. */
    if (relay_intake_row(intake, row)) {
        loop_timer_set(relay->loop, &relay->intake_again,
                       loop_now_ms(relay->loop) + RELAY_INTAKE_AGAIN_MS);
        return room;
    }
    took += RELAY_INTAKE_ROW_BYTES;
    if (row->row.body.len > RELAY_INTAKE_BYTES)
        took = room; /* its arguments were made, too */
    TAILQ_REMOVE(&intake->rows, row, link);
    outbox_row_free(row);
    return took < room ? took : room;
}

/* Other hooks have run before this one, and must see what it has brought: there is no wait. */
static int relay_intake_goes_on(void *ctx)
{
    struct relay *relay = ctx;
    struct relay_intake *intake;
    size_t room = RELAY_INTAKE_BYTES;

    if (heap_linked(&relay->intake_again.node))
        return -1;
    while (room > 0 && (intake = TAILQ_FIRST(&relay->intakes))) {
        room -= relay_intake_some(intake, room);
        if (!relay_intake_is_busy(intake)) {
            TAILQ_REMOVE(&relay->intakes, intake, link);
            intake->done(intake);
        }
    }
    if (TAILQ_EMPTY(&relay->intakes))
        loop_hook_remove(relay->loop, &relay->intake_hook);
    relay_dispatch(relay);
    return 0;
}

static void relay_intake_again(void *ctx)
{
    (void)ctx; /* the hook looks whether the timer runs */
}

void relay_intake_take(struct relay_intake *intake, struct outbox_rows *rows)
{
    struct relay *relay = intake->relay;
    bool first = TAILQ_EMPTY(&relay->intakes);

    TAILQ_CONCAT(&intake->rows, rows, link);
    if (!relay_intake_is_busy(intake)) {
        intake->done(intake);
        return;
    }
    TAILQ_INSERT_TAIL(&relay->intakes, intake, link);
    if (!first)
        return;
    relay->intake_hook = (struct loop_hook){.before_wait = relay_intake_goes_on, .ctx = relay};
    relay->intake_again = (struct loop_timer){.fn = relay_intake_again, .ctx = relay};
    loop_hook_add(relay->loop, &relay->intake_hook);
}

void relay_intake_done(struct relay_intake *intake)
{
    struct relay *relay = intake->relay;
    struct outbox_row *row;

    if (relay_intake_is_busy(intake)) {
        TAILQ_REMOVE(&relay->intakes, intake, link);
        if (TAILQ_EMPTY(&relay->intakes))
            loop_hook_remove(relay->loop, &relay->intake_hook);
    }
    while ((row = TAILQ_FIRST(&intake->rows))) {
        TAILQ_REMOVE(&intake->rows, row, link);
        outbox_row_free(row);
    }
    intake->read_bytes = 0;
}
