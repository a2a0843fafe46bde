/* SPDX-License-Identifier: MIT */
/*
 * `outbox replay` and `outbox discard`: which letters are changed.
 *
 * A selection reads the letters page by page, and changes the selected ones in transactions of
 * many. So a million letters need no more memory than a thousand, a running relay never waits long
 * for the store, and no page that is being read keeps old data on disk.
 */
#include "cli/outbox_letters.h"

#include <inttypes.h>

#include "cli/exit_code.h"
#include "cli/outbox_change.h"
#include "cli/outbox_stop.h"

enum {
    LETTERS_PAGE_ROWS = 1000,
    LETTERS_FULL = 100, /* the batch is full; must differ from the outcomes in store.h */
    LETTERS_STOPPED,    /* a signal ends the command */
};

static int letters_failed(struct outbox_console *console, int r)
{
    if (r != LETTERS_STOPPED)
        return outbox_console_failed(console, r);
    outbox_console_complain(console, "stopped: the other letters are as they were");
    return EXIT_FAILED;
}

/* ---- By their ids ---- */

static const char *letters_refusal(enum outbox_change_outcome outcome)
{
    switch (outcome) {
    case OUTBOX_CHANGE_STALE:
        return "a newer event of its record was delivered since, which this one would undo; "
               "--force sends it all the same";
    case OUTBOX_CHANGE_PENDING:
        return "it is pending, not dead: the relay is still trying to deliver it";
    case OUTBOX_CHANGE_REPLAYED:
        return "it is waiting to be sent again already";
    case OUTBOX_CHANGE_MADE:
    case OUTBOX_CHANGE_UNKNOWN:
        break;
    }
    return "there is no such event";
}

/* Writes a line for each id. Returns whether all letters were changed. */
static bool letters_tell(struct outbox_console *console, const struct outbox_change_batch *batch,
                         const char *made, struct buf *text)
{
    bool all = true;

    text->len = 0;
    for (size_t i = 0; i < batch->len; i++) {
        if (batch->outcomes[i] == OUTBOX_CHANGE_MADE) {
            (void)buf_printf(text, "%" PRIu64 ": %s\n", batch->ids[i], made);
            continue;
        }
        outbox_console_complain(console, "%" PRIu64 ": %s", batch->ids[i],
                                letters_refusal(batch->outcomes[i]));
        all = false;
    }
    outbox_console_write(console, buf_span(text));
    return all;
}

static int letters_named(struct outbox_console *console, struct store *store,
                         const struct outbox_request *request, const struct outbox_change *change)
{
    cleanup(buf_done) struct buf text = BUF_NULL;
    const char *made = outbox_change_says(change, request->dry_run, 1);
    struct outbox_change_batch batch;
    bool all = true;

    for (size_t done = 0; done < request->ids_len; done += batch.len) {
        size_t left = request->ids_len - done;
        batch.len = left < OUTBOX_CHANGE_BATCH ? left : OUTBOX_CHANGE_BATCH;
        memcpy(batch.ids, request->ids + done, batch.len * sizeof(*batch.ids));
        int r = outbox_stop_wanted() ? LETTERS_STOPPED
                                     : outbox_change_run(change, store, request, &batch);
        if (r)
            return letters_failed(console, r);
        all = letters_tell(console, &batch, made, &text) && all;
    }
    return all ? EXIT_FINE : EXIT_FAILED;
}

/* ---- By a selection ---- */

/* A run over all letters that were there at its start. Later letters are left out: a forced letter
 * that dies again has a new id, and could keep the run going for ever. */
struct letters_sweep {
    struct outbox_console *console;
    const struct outbox_request *request;
    const struct outbox_change *change;
    uint64_t last_id;     /* the largest id at the start */
    uint64_t total;       /* letters at the start, for the progress */
    uint64_t after;       /* the id of the last letter read */
    uint64_t rows_read;   /* letters read in all pages */
    uint64_t page_rows;   /* letters read in the present page */
    uint64_t made, stale; /* letters that were changed, and stale ones that were not */
    struct outbox_change_batch batch;
};

static int sweep_row(void *ctx, const struct store_row *row)
{
    struct letters_sweep *sweep = ctx;

    if (row->id > sweep->last_id)
        return 0;
    sweep->after = row->id;
    sweep->page_rows++;
    if (!outbox_selection_holds(&sweep->request->selection, row))
        return 0;
    if (outbox_change_foresee(sweep->change, row, sweep->request->force) == OUTBOX_CHANGE_STALE) {
        sweep->stale++;
        return 0;
    }
    sweep->batch.ids[sweep->batch.len++] = row->id;
    return sweep->batch.len == OUTBOX_CHANGE_BATCH ? LETTERS_FULL : 0;
}

/* Reads one more page. *over: there are no more letters. */
static int sweep_read(struct letters_sweep *sweep, struct store *store, bool *over)
{
    struct store_filter filter = {
        .first = STORE_DEAD,
        .last = STORE_DEAD,
        .after = sweep->after,
        .rows_max = LETTERS_PAGE_ROWS,
        .bare = true,
    };

    sweep->page_rows = 0;
    int r = store->ops->read(store, &filter, sweep_row, sweep);
    if (r && r != LETTERS_FULL)
        return r;
    sweep->rows_read += sweep->page_rows;
    *over = sweep->page_rows == 0;
    return 0;
}

/* Changes the letters that were selected so far, and counts them. */
static int sweep_change(struct letters_sweep *sweep, struct store *store)
{
    struct outbox_change_batch *batch = &sweep->batch;

    if (sweep->request->dry_run) {
        sweep->made += batch->len;
    } else if (batch->len > 0) {
        int r = outbox_change_run(sweep->change, store, sweep->request, batch);
        if (r)
            return r;
        for (size_t i = 0; i < batch->len; i++) {
            sweep->made += batch->outcomes[i] == OUTBOX_CHANGE_MADE;
            sweep->stale += batch->outcomes[i] == OUTBOX_CHANGE_STALE; /* since the page was read */
        }
    }
    batch->len = 0;
    return 0;
}

static int sweep_run(struct letters_sweep *sweep, struct store *store)
{
    struct store_counts counts;
    bool over = false;
    int r = store->ops->id_mark(store, &sweep->last_id);

    if (!r)
        r = store->ops->counts(store, &counts);
    if (r)
        return r;
    sweep->total = counts.dead;
    while (!r && !over) {
        if (outbox_stop_wanted())
            return LETTERS_STOPPED;
        r = sweep_read(sweep, store, &over);
        if (!r && (over || sweep->batch.len == OUTBOX_CHANGE_BATCH))
            r = sweep_change(sweep, store);
        outbox_console_progress(sweep->console, "%" PRIu64 " of %" PRIu64, sweep->rows_read,
                                sweep->total);
    }
    return r;
}

static int letters_selected(struct outbox_console *console, struct store *store,
                            const struct outbox_request *request,
                            const struct outbox_change *change)
{
    struct letters_sweep sweep = {.console = console, .request = request, .change = change};
    cleanup(buf_done) struct buf text = BUF_NULL;

    outbox_console_progress_begin(console);
    int r = sweep_run(&sweep, store);
    outbox_console_progress_end(console);
    (void)buf_printf(&text, "%" PRIu64 " %s\n", sweep.made,
                     outbox_change_says(change, request->dry_run, sweep.made));
    outbox_console_write(console, buf_span(&text));
    if (r)
        return letters_failed(console, r);
    if (sweep.stale == 0)
        return EXIT_FINE;
    outbox_console_complain(console,
                            "%" PRIu64 " stay dead: stale, newer events of their records were "
                            "delivered since; --force sends them all the same",
                            sweep.stale);
    return EXIT_FAILED;
}

/* ---- Both ---- */

static int letters_run(struct outbox_console *console, struct store *store,
                       const struct outbox_request *request, const struct outbox_change *change)
{
    outbox_stop_begin();
    int exit_code = request->all ? letters_selected(console, store, request, change)
                                 : letters_named(console, store, request, change);
    outbox_stop_end();
    return exit_code;
}

int outbox_letters_replay(struct outbox_console *console, struct store *store,
                          const struct outbox_request *request)
{
    return letters_run(console, store, request, &outbox_change_replay);
}

int outbox_letters_discard(struct outbox_console *console, struct store *store,
                           const struct outbox_request *request)
{
    return letters_run(console, store, request, &outbox_change_discard);
}
