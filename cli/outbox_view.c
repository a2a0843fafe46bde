/* SPDX-License-Identifier: MIT */
/*
 * `outbox stats`, `outbox list` and `outbox show`.
 *
 * A reader of the list may take all day (a pager), and rows that are being read keep room on disk.
 * So each page is read and closed before it is written.
 */
#include "cli/outbox_view.h"

#include <inttypes.h>

#include "cli/exit_code.h"
#include "cli/outbox_print.h"

enum {
    VIEW_PAGE_FULL = 100, /* the page is full; must differ from the outcomes in store.h */
    VIEW_PAGE_BYTES = 64 * 1024,
    VIEW_PAGE_ROWS = 1000,
};

struct view {
    const struct outbox_request *request;
    int64_t now_ms;
    struct buf page;
    uint64_t rows;  /* rows of the present page, also those that are not shown */
    uint64_t after; /* the id of the last row read */
};

static void view_done(struct view *view)
{
    buf_done(&view->page);
}

int outbox_view_stats(struct outbox_console *console, struct store *store,
                      const struct outbox_request *request)
{
    cleanup(buf_done) struct buf text = BUF_NULL;
    int64_t now_ms = clock_wall_ms(console->clock);
    struct store_counts counts;
    int r = store->ops->counts(store, &counts);

    if (!r && request->json)
        r = outbox_print_counts_json(&counts, now_ms, &text);
    else if (!r)
        r = outbox_print_counts(&counts, now_ms, &text);
    if (r)
        return outbox_console_failed(console, r);
    outbox_console_write(console, buf_span(&text));
    return EXIT_FINE;
}

/* ---- list ---- */

static bool view_wants(const struct outbox_request *request, const struct store_row *row)
{
    /* An offer counts as pending. The store reads a range of states, and STORE_DEAD stands between
     * STORE_PENDING and the two states of an offer. */
    if (request->states == OUTBOX_STATES_PENDING)
        return row->state != STORE_DEAD;
    return true;
}

static int view_list_row(void *ctx, const struct store_row *row)
{
    struct view *view = ctx;
    int r = 0;

    if (view_wants(view->request, row) && view->request->json)
        r = outbox_print_json(row, false, &view->page);
    else if (view_wants(view->request, row))
        r = outbox_print_line(row, view->now_ms, &view->page);
    if (r)
        return r;
    view->after = row->id;
    view->rows++;
    return view->page.len >= VIEW_PAGE_BYTES || view->rows >= VIEW_PAGE_ROWS ? VIEW_PAGE_FULL : 0;
}

static int view_list_page(struct store *store, struct view *view)
{
    bool dead = view->request->states == OUTBOX_STATES_DEAD;
    struct store_filter filter = {
        .first = dead ? STORE_DEAD : STORE_PENDING,
        .last = dead ? STORE_DEAD : STORE_FORCED,
        .model = view->request->selection.model,
        .after = view->after,
        .bare = true,
    };

    view->rows = 0;
    view->page.len = 0;
    return store->ops->read(store, &filter, view_list_row, view);
}

int outbox_view_list(struct outbox_console *console, struct store *store,
                     const struct outbox_request *request)
{
    cleanup(view_done) struct view view = {
        .request = request,
        .now_ms = clock_wall_ms(console->clock),
    };
    int r = 0;

    /* No heading for programs, which would take it for a row. */
    if (console->out_is_terminal && !request->json)
        r = outbox_print_heading(&view.page);
    outbox_console_write(console, buf_span(&view.page));
    while (!r && !console->out_error) {
        r = view_list_page(store, &view);
        if (r && r != VIEW_PAGE_FULL)
            break;
        outbox_console_write(console, buf_span(&view.page));
        if (!r)
            return EXIT_FINE;
        r = 0;
    }
    return r ? outbox_console_failed(console, r) : EXIT_FINE;
}

/* ---- show ---- */

struct show {
    bool json;
    bool for_terminal;
    uint64_t id;
    struct buf text;
};

static void show_done(struct show *show)
{
    buf_done(&show->text);
}

static int show_row(void *ctx, const struct store_row *row)
{
    struct show *show = ctx;

    if (row->id != show->id)
        return STORE_MISSING;
    if (show->json)
        return outbox_print_json(row, true, &show->text);
    return outbox_print_whole(row, show->for_terminal, &show->text);
}

int outbox_view_show(struct outbox_console *console, struct store *store,
                     const struct outbox_request *request)
{
    cleanup(show_done) struct show show = {
        .json = request->json,
        .for_terminal = console->out_is_terminal,
        .id = request->ids[0],
    };
    /* The first row from that id on, which may be another event's. */
    struct store_filter filter = {
        .first = STORE_PENDING,
        .last = STORE_FORCED,
        .after = show.id - 1,
        .rows_max = 1,
    };
    int r = store->ops->read(store, &filter, show_row, &show);

    if (r == STORE_MISSING || (!r && show.text.len == 0)) {
        outbox_console_complain(console, "%" PRIu64 ": there is no such event", show.id);
        return EXIT_FAILED;
    }
    if (r)
        return outbox_console_failed(console, r);
    outbox_console_write(console, buf_span(&show.text));
    return EXIT_FINE;
}
