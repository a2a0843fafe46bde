/* SPDX-License-Identifier: MIT */
/*
 * The backlog: events that are on disk only.
 *
 * A route holds a bounded window of its events in memory. When that is full, new ones are stored
 * without a place in it; and as long as there are such, all new ones are, since an older event of
 * the same record may be among them. When the window has drained by half, the next page is read.
 * A start is the same thing with an empty window. Of one route, by their ids:
 *
 *    ... delivered ... | in memory | backlog: on disk only         | still to come
 *                                  ^ cursor    ^ read at hand ends
 *
 *    backlog   there are events behind the cursor: those to come go there, too
 *    reading   a page is on its way; it moves the cursor to its last event
 *    spilled   some have gone to disk since that read was submitted: it may have missed them,
 *              and that it finds no more does not end the backlog
 */
#include "handlers/sync.h"
#include "relay/delivery.h"

enum {
    RELAY_WINDOW = 4096, /* places in memory, of all routes */
    RELAY_WINDOW_ROUTE_MIN = 16,
    RELAY_REPLAYS = 256,                   /* taken up at once */
    RELAY_WINDOW_BYTES = 24 * 1024 * 1024, /* of bodies; above, new events go to disk */
    RELAY_PAGE_BYTES = 4 * 1024 * 1024,
};

static size_t relay_window(const struct relay_route *route)
{
    size_t routes = route->relay->routes_by_model.len;
    size_t share = RELAY_WINDOW / (routes ? routes : 1);

    return share > RELAY_WINDOW_ROUTE_MIN ? share : RELAY_WINDOW_ROUTE_MIN;
}

bool relay_must_spill(const struct relay_route *route)
{
    const struct relay *relay = route->relay;

    return relay->outbox && (route->backlog || route->lanes.places >= relay_window(route) ||
                             relay->bytes >= RELAY_WINDOW_BYTES);
}

int relay_join(struct delivery *delivery)
{
    struct relay_route *route = delivery->route;
    int r = lanes_join(&delivery->relay->lanes, &route->lanes, &delivery->place,
                       delivery->place.seq, delivery->event.record);

    if (r == 0 && delivery->place.seq > route->cursor)
        route->cursor = delivery->place.seq;
    return r;
}

/* An event from disk takes its place; what is wrong with it by now makes a dead letter of it. */
static void relay_admit_event(struct relay *relay, const struct store_row *row, struct event *event,
                              struct span unreadable, bool replayed)
{
    event->arrived_ms = row->arrived_ms;
    struct delivery *delivery = delivery_new(relay, event, NULL);
    if (!delivery)
        return; /* no memory: the next start finds it */
    delivery->stored = DELIVERY_STORED;
    delivery->attempts = row->attempts;
    delivery->tried_ms = row->tried_ms;
    delivery->place.seq = row->id;
    if (replayed)
        delivery->since_ms = clock_wall_ms(loop_clock(relay->loop));
    if (delivery->event.model.at)
        delivery->route = relay_route_find(relay, delivery->event.model);
    if (!delivery->route) {
        relay_settle_bury(delivery, REPLY_FAILED,
                          unreadable.len ? unreadable : span_of(sync_no_route_text));
        return;
    }
    struct relay_route *route = delivery->route;
    if (replayed && route->backlog && row->id > route->cursor) {
        delivery_free(delivery); /* its page is yet to come, and has it in its place */
        return;
    }
    int r = relay_join(delivery);
    if (r == LANES_TOO_LATE) {
        delivery->stale = true;
        relay_settle_bury(delivery, REPLY_FAILED,
                          SPAN("A newer event of the record was on its way already"));
    } else if (r) {
        delivery_free(delivery);
    } else if (route->lost) {
        relay_bury_stray(delivery);
    }
}

static void relay_admit(struct relay *relay, struct outbox_row *row, bool replayed)
{
    struct buf body = {(char *)row->row.body.at, row->row.body.len, row->row.body.len};
    cleanup(event_done) struct event event = {0};
    cleanup(buf_done) struct buf why = BUF_NULL;
    int r = sync_read_event(&body, &event, &why);

    row->row.body.at = NULL; /* the event's now, or body's */
    if (r > 0)
        event.body = body; /* the disk has spoiled it: a letter that nobody can send, but look at */
    else if (r)
        buf_done(&body);
    if (r >= 0)
        relay_admit_event(relay, &row->row, &event, buf_span(&why), replayed);
}

static void relay_admit_all(struct relay *relay, struct outbox_rows *rows, bool replayed)
{
    struct outbox_row *row;

    while ((row = TAILQ_FIRST(rows))) {
        TAILQ_REMOVE(rows, row, link);
        relay_admit(relay, row, replayed);
        outbox_row_free(row);
    }
    relay_dispatch(relay);
}

static void relay_page_done(struct outbox_read *read, struct outbox_rows *rows, bool more, int r)
{
    struct relay_route *route = container_of(read, struct relay_route, read);
    struct outbox_row *last = TAILQ_LAST(rows, outbox_rows);

    route->reading = false;
    if (r)
        return; /* the outbox fails: relay_tend() asks again */
    if (last && last->row.id > route->cursor)
        route->cursor = last->row.id;
    route->backlog = more || route->spilled;
    relay_admit_all(route->relay, rows, false);
    relay_page(route);
}

void relay_page(struct relay_route *route)
{
    struct relay *relay = route->relay;
    size_t window = relay_window(route);

    if (!route->backlog || route->lost || route->reading || relay->given_up ||
        route->lanes.places > window / 2)
        return;
    if (relay->bytes >= RELAY_WINDOW_BYTES && route->lanes.places > 0)
        return; /* one event is always let in, however large */
    route->reading = true;
    route->spilled = false;
    route->read = (struct outbox_read){
        .model = span_of(route->model),
        .after = route->cursor,
        .rows_max = window - route->lanes.places,
        .bytes_max = RELAY_PAGE_BYTES,
        .done = relay_page_done,
    };
    outbox_submit_read(relay->outbox, &route->read);
}

static void relay_replays_done(struct outbox_read *read, struct outbox_rows *rows, bool more, int r)
{
    struct relay *relay = container_of(read, struct relay, replays);

    const struct outbox_row *row;

    (void)more;
    (void)r;
    relay->replays_reading = false;
    for (row = TAILQ_FIRST(rows); row; row = TAILQ_NEXT(row, link))
        relay_count_replayed(relay, row->row.model);
    relay_admit_all(relay, rows, true);
}

void relay_take_up_replays(struct relay *relay)
{
    struct outbox_status status;

    outbox_status(relay->outbox, &status);
    if (!status.replays || relay->replays_reading || relay->given_up ||
        relay->count >= RELAY_WINDOW || relay->bytes >= RELAY_WINDOW_BYTES)
        return;
    relay->replays_reading = true;
    relay->replays = (struct outbox_read){
        .model = SPAN_NULL,
        .rows_max = RELAY_REPLAYS,
        .bytes_max = RELAY_PAGE_BYTES,
        .done = relay_replays_done,
    };
    outbox_submit_read(relay->outbox, &relay->replays);
}
