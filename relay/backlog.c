/* SPDX-License-Identifier: MIT */
/*
 * The backlog, and the pages by which it comes into memory.
 *
 * Each model has a bounded window of events in memory. While the window is full, new events go to
 * disk alone (relay/queue.h). Once the window has drained by half, those events come back by pages.
 * A page is bounded as well, since all of its events join lanes in one turn of the loop. The slow
 * part, the parsing of bodies, is done by the outbox's thread before (relay/prepared.h).
 */
#include "relay/backlog.h"

#include <errno.h>

#include "base/error.h"
#include "relay/age.h"
#include "relay/core.h"
#include "relay/prepared.h"
#include "relay/settle.h"

enum {
    BACKLOG_STUCK_MAX = 4 * CORE_WINDOW, /* events in memory, of all models, while one is stuck */
    BACKLOG_STUCK_PAGE = 64,             /* rows of a page of a stuck model */
    BACKLOG_PAGES_MAX = 4, /* at once; each may bring one event of any size beyond its bounds */
    BACKLOG_PAGE_ROWS = 512,
    BACKLOG_PAGE_BYTES = 4 * 1024 * 1024,
    BACKLOG_PAGE_BYTES_MIN = 64 * 1024, /* while the window has no bytes left */
};

/* ---- from a row to its lane ---- */

/* Puts the row's event into its lane. An event whose body the disk has spoilt becomes a letter, for
 * people to look at. 0 or -ENOMEM. */
static int backlog_join(struct model *model, struct outbox_row *row)
{
    struct relay *relay = model->relay;
    struct prepared *prepared = row->prepared;
    struct event none = {0};
    struct delivery *delivery = delivery_new(&relay->deliveries, &none, NULL);
    int64_t age_ms = age_of(relay, clock_wall_ms(loop_clock(relay->loop)), row->row.since_ms);

    if (!delivery)
        return error_origin(-ENOMEM);
    delivery->id = row->row.id;
    delivery->model = model;
    delivery->since_ms -= age_ms > 0 ? age_ms : 0;
    prepared_move(row, delivery);
    if (prepared->spoilt) {
        settle_bury(delivery, REPLY_FAILED, buf_span(&prepared->why));
        return 0;
    }
    int r = core_join(delivery, LANES_LIVE);
    if (r)
        delivery_free(delivery);
    return r;
}

static void backlog_came(struct outbox_read *read, struct outbox_rows *rows, bool more, int r)
{
    struct model *model = container_of(read, struct model, page);
    struct outbox_row *row;
    uint64_t last = 0;

    model->relay->pages--;
    while ((row = TAILQ_FIRST(rows))) {
        TAILQ_REMOVE(rows, row, link);
        if (!r)
            r = backlog_join(model, row);
        if (!r)
            last = row->row.id;
        outbox_row_free(row);
    }
    queue_took(&model->queue, last, !r && !more);
    model->page_failed = r != 0; /* the outbox failed, or memory is short */
    core_ask_pump(model->relay);
}

/* ---- when ---- */

/*
 * Whether no event of the model in memory can go, though there are free slots: each event rests, or
 * stands behind one that rests. Events of other records, on disk, must not wait for that, so pages
 * are read past the window, until an event comes that can go, or memory holds BACKLOG_STUCK_MAX.
 */
static bool backlog_is_stuck(const struct model *model)
{
    const struct relay *relay = model->relay;

    return !model->lanes.ready.first && model->lanes.in_flight < model->lanes.limit &&
           relay->lanes.in_flight < relay->lanes.limit &&
           relay->deliveries.count < BACKLOG_STUCK_MAX;
}

/* How many rows the model's next page may have; 0: none is to be read now. */
static size_t backlog_room(const struct model *model)
{
    size_t window = core_window(model);

    if (model->lanes.places > window / 2)
        return backlog_is_stuck(model) ? BACKLOG_STUCK_PAGE : 0;
    size_t room = window - model->lanes.places;
    return room < BACKLOG_PAGE_ROWS ? room : BACKLOG_PAGE_ROWS;
}

/* Begins the model's next page, if one is due. True: the page has begun. */
static bool backlog_read_on(struct model *model)
{
    struct relay *relay = model->relay;
    bool full = core_is_full(relay);
    size_t room = backlog_room(model);

    if (!queue_is_behind(&model->queue) || model->queue.reading || model->page_failed || !room)
        return false;
    if (full && (model->lanes.places > 0 || relay->pages > 0))
        return false; /* a model without events in memory gets one, however large */
    relay->pages++;
    queue_read(&model->queue);
    model->page = (struct outbox_read){
        .model = span_of(model->name),
        .after = model->queue.cursor,
        .upto = model->queue.upto,
        .rows_max = room,
        /* While full: one event of any size, or several small ones. */
        .bytes_max = full ? BACKLOG_PAGE_BYTES_MIN : BACKLOG_PAGE_BYTES,
        .prepare = prepared_read,
        .done = backlog_came,
    };
    outbox_submit_read(relay->outbox, &model->page);
    return true;
}

/* Models take turns: a model with many events on disk must not keep the others from reading. */
void backlog_read_all(struct relay *relay)
{
    struct model *model = relay->pages_next;

    if (!relay->outbox || relay->phase == RELAY_GIVEN_UP)
        return;
    for (size_t i = 0; i < relay->models.table.len && relay->pages < BACKLOG_PAGES_MAX; i++) {
        if (!model)
            model = TAILQ_FIRST(&relay->models.list);
        bool reads = backlog_read_on(model);
        model = TAILQ_NEXT(model, link);
        if (reads)
            relay->pages_next = model;
    }
}
