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
 *    reading   a page is on its way into the lanes; it moves the cursor to its last event
 *    spilled   some have gone to disk since that read was submitted: it may have missed them,
 *              and that it finds no more does not end the backlog
 */
#include "relay/delivery.h"

enum {
    RELAY_WINDOW = 4096, /* places in memory, of all routes */
    RELAY_WINDOW_ROUTE_MIN = 16,
    RELAY_STUCK_MAX = 4 * RELAY_WINDOW, /* where those in memory cannot go, and others may */
    RELAY_STUCK_PAGE = 64,
    RELAY_READS_MAX = 4, /* each may bring one event of the largest size beyond its bounds */
    RELAY_REPLAYS = 256, /* taken up at once */
    RELAY_WINDOW_BYTES = 24 * 1024 * 1024, /* of events; above, new ones go to disk */
    RELAY_PAGE_BYTES = 4 * 1024 * 1024,
    RELAY_PAGE_BYTES_MIN = 64 * 1024,
};

static size_t relay_window(const struct relay_route *route)
{
    size_t routes = route->relay->routes_by_model.len;
    size_t share = RELAY_WINDOW / (routes ? routes : 1);

    return share > RELAY_WINDOW_ROUTE_MIN ? share : RELAY_WINDOW_ROUTE_MIN;
}

static bool relay_is_full(const struct relay *relay)
{
    return relay->bytes >= RELAY_WINDOW_BYTES;
}

bool relay_must_spill(const struct relay_route *route)
{
    const struct relay *relay = route->relay;

    return relay->outbox &&
           (route->backlog || route->lanes.places >= relay_window(route) || relay_is_full(relay));
}

int relay_join(struct delivery *delivery)
{
    struct relay_route *route = delivery->route;
    int r = lanes_join(&delivery->relay->lanes, &route->lanes, &delivery->place,
                       delivery->place.seq, delivery->event.record);

    if (r == 0 && !route->backlog && delivery->place.seq > route->cursor)
        route->cursor = delivery->place.seq;
    if (r == 0)
        relay_knock_at_route(route);
    return r;
}

bool relay_reads_earlier(const struct relay_route *route)
{
    return route->backlog &&
           (route->cursor < route->relay->earlier_id || relay_intake_is_busy(&route->intake));
}

static void relay_end_read(struct relay_route *route)
{
    route->reading = false;
    route->looked = true;
    route->relay->reads--;
}

/* Only now: what comes in before the page's last event is in its lane belongs behind it. */
static void relay_page_taken(struct relay_intake *intake)
{
    struct relay_route *route = container_of(intake, struct relay_route, intake);
    struct relay *relay = route->relay;

    relay_end_read(route);
    route->backlog = route->more || route->spilled;
    if (!relay_reads_earlier(route))
        relay_end_early(route);
    relay_page_all(relay);
}

/* A start waits for them. */
static void relay_page_unlooked(struct relay *relay)
{
    struct relay_route *route;

    for (route = TAILQ_FIRST(&relay->routes); route; route = TAILQ_NEXT(route, link)) {
        if (!route->looked)
            (void)relay_page(route);
    }
}

static void relay_page_done(struct outbox_read *read, struct outbox_rows *rows, bool more, int r)
{
    struct relay_route *route = container_of(read, struct relay_route, read);
    struct outbox_row *last = TAILQ_LAST(rows, outbox_rows);

    if (r) {
        relay_end_read(route);
        relay_page_unlooked(route->relay);
        return; /* the outbox fails: relay_tend() asks again */
    }
    if (last && last->row.id > route->cursor)
        route->cursor = last->row.id;
    route->more = more;
    relay_intake_take(&route->intake, rows);
}

/*
 * Nothing in memory may go (it rests, or stands behind what does), while there is room at Convex:
 * events on disk must not wait for that. Never for long: what comes in may go, or comes to
 * RELAY_STUCK_MAX.
 */
static bool relay_is_stuck(const struct relay_route *route)
{
    const struct relay *relay = route->relay;

    return !route->lanes.ready.first && route->lanes.in_flight < route->lanes.limit &&
           relay->lanes.in_flight < relay->lanes.limit && relay->count < RELAY_STUCK_MAX;
}

/* How many more events may come in now. */
static size_t relay_page_room(const struct relay_route *route)
{
    size_t window = relay_window(route);

    if (route->lanes.places <= window / 2)
        return window - route->lanes.places;
    return relay_is_stuck(route) ? RELAY_STUCK_PAGE : 0;
}

bool relay_page(struct relay_route *route)
{
    struct relay *relay = route->relay;

    if (!route->backlog || route->lost || route->reading || relay->given_up ||
        relay->reads == RELAY_READS_MAX)
        return false;
    if (relay_is_full(relay) && (route->lanes.places > route->early || relay->reads > 0))
        return false; /* one event is always let in, however large */
    size_t room = relay_page_room(route);
    if (room == 0)
        return false;
    relay->reads++;
    route->reading = true;
    route->spilled = false;
    route->intake.done = relay_page_taken;
    route->read = (struct outbox_read){
        .model = span_of(route->model),
        .after = route->cursor,
        .rows_max = room,
        /* Routes read at the same time; without room, one event comes in, or some small. */
        .bytes_max = relay_is_full(relay) ? RELAY_PAGE_BYTES_MIN : RELAY_PAGE_BYTES,
        .done = relay_page_done,
    };
    outbox_submit_read(relay->outbox, &route->read);
    return true;
}

/* Each in its turn: whoever has much on disk would keep the others from theirs. */
void relay_page_all(struct relay *relay)
{
    struct relay_route *route = relay->read_next;

    for (size_t i = 0; i < relay->routes_by_model.len && relay->reads < RELAY_READS_MAX; i++) {
        if (!route)
            route = TAILQ_FIRST(&relay->routes);
        bool reads = relay_page(route);
        route = TAILQ_NEXT(route, link);
        if (reads)
            relay->read_next = route;
    }
}

/* ---- replays ---- */

static void relay_replays_taken(struct relay_intake *intake)
{
    struct relay *relay = container_of(intake, struct relay, replays_intake);

    relay->replays_reading = false;
    relay_settle_fated(relay);
    relay_take_up_replays(relay);
}

/*
 * Its page has it in its place, and is yet to come; a read at hand may have missed it. But where an
 * event of its record may have been sent before, it must be known for a replay: its page finds its
 * place taken.
 */
static bool relay_leave_to_page(struct relay *relay, const struct store_row *row)
{
    struct relay_route *route = row->model.at ? relay_route_find(relay, row->model) : NULL;

    if (!route || row->id <= route->cursor)
        return false;
    if (!route->backlog) {
        route->cursor = row->id; /* pages to come begin behind it */
        return false;
    }
    route->spilled = true;
    return !row->record.at || row->id > relay->earlier_id;
}

static void relay_replays_done(struct outbox_read *read, struct outbox_rows *rows, bool more, int r)
{
    struct relay *relay = container_of(read, struct relay, replays);
    struct outbox_row *row, *next;

    (void)more;
    relay->replays_failed = r != 0;
    for (row = TAILQ_FIRST(rows); row; row = next) {
        next = TAILQ_NEXT(row, link);
        relay_count_replayed(relay, row->row.model);
        if (relay_leave_to_page(relay, &row->row)) {
            TAILQ_REMOVE(rows, row, link);
            outbox_row_free(row);
        }
    }
    relay_intake_take(&relay->replays_intake, rows);
}

/* They have a window of their own: what else is in memory may stay there for long. */
static bool relay_has_room_for_replays(const struct relay *relay)
{
    return relay->replayed < RELAY_WINDOW && relay->replayed_bytes < RELAY_WINDOW_BYTES;
}

void relay_take_up_replays(void *ctx)
{
    struct relay *relay = ctx;
    struct outbox_status status;

    outbox_status(relay->outbox, &status);
    if (!status.offers || relay->replays_reading || relay->replays_failed || relay->given_up ||
        relay_loading(relay) || !relay_has_room_for_replays(relay))
        return;
    relay->replays_reading = true;
    relay->replays_intake.done = relay_replays_taken;
    relay->replays = (struct outbox_read){
        .model = SPAN_NULL,
        .rows_max = RELAY_REPLAYS,
        .bytes_max = RELAY_PAGE_BYTES,
        .done = relay_replays_done,
    };
    outbox_submit_read(relay->outbox, &relay->replays);
}
