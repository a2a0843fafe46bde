/* SPDX-License-Identifier: MIT */
/*
 * replay, discard: what becomes of dead letters.
 *
 * A batch is one transaction. What it did is told only once it has been committed, since until
 * then nothing of it may be true.
 */
#include <inttypes.h>

#include "cli/exit_code.h"
#include "cli/outbox_request.h"

enum change_outcome {
    CHANGE_MADE,
    CHANGE_STALE,
    CHANGE_UNKNOWN,
    CHANGE_PENDING,
    CHANGE_REPLAYED, /* waits to be sent again already */
};

/* A kind of change: how the store does it, and what is said then. */
struct change {
    int (*make)(struct store *store, uint64_t id, bool force);
    const char *made;
};

struct change_batch {
    size_t len;
    uint64_t ids[OUTBOX_BATCH];
    enum change_outcome outcomes[OUTBOX_BATCH];
};

static int change_replay(struct store *store, uint64_t id, bool force)
{
    return store->ops->replay(store, id, force);
}

static int change_discard(struct store *store, uint64_t id, bool force)
{
    (void)force;
    return store->ops->discard(store, id);
}

static const struct change replaying = {change_replay, "will be sent again"};
static const struct change discarding = {change_discard, "is discarded"};

/* ---- A batch ---- */

struct change_search {
    uint64_t id;
    enum change_outcome outcome;
};

static int change_found(void *ctx, const struct store_row *row)
{
    struct change_search *search = ctx;

    if (row->id == search->id)
        search->outcome = row->state == STORE_PENDING ? CHANGE_PENDING : CHANGE_REPLAYED;
    return 0;
}

/* Why there is no dead letter of that id. */
static int change_explain(struct store *store, uint64_t id, enum change_outcome *outcome)
{
    struct change_search search = {id, CHANGE_UNKNOWN};
    struct store_filter filter = {
        .first = STORE_PENDING,
        .last = STORE_FORCED,
        .after = id - 1,
        .rows_max = 1,
        .bare = true,
    };
    int r = store->ops->read(store, &filter, change_found, &search);

    if (!r)
        *outcome = search.outcome;
    return r;
}

static int change_make(const struct change *change, struct store *store, bool force, uint64_t id,
                       enum change_outcome *outcome)
{
    int r = change->make(store, id, force);

    if (r == STORE_MISSING)
        return change_explain(store, id, outcome);
    if (r && r != STORE_STALE)
        return r;
    *outcome = r == STORE_STALE ? CHANGE_STALE : CHANGE_MADE;
    return 0;
}

/* All of the batch, or, where anything but an outcome above comes of it, nothing. */
static int change_commit(const struct change *change, struct store *store, bool force,
                         struct change_batch *batch)
{
    int r = store->ops->begin(store);

    if (r)
        return r;
    for (size_t i = 0; !r && i < batch->len; i++)
        r = change_make(change, store, force, batch->ids[i], &batch->outcomes[i]);
    if (r) {
        store->ops->rollback(store);
        return r;
    }
    return store->ops->commit(store);
}

/* ---- By their ids ---- */

static const char *change_refusal(enum change_outcome outcome)
{
    switch (outcome) {
    case CHANGE_STALE:
        return "a newer event of its record was delivered since, which this one would undo; "
               "--force sends it all the same";
    case CHANGE_PENDING:
        return "it is pending, not dead: the relay is still trying to deliver it";
    case CHANGE_REPLAYED:
        return "it is waiting to be sent again already";
    case CHANGE_MADE:
    case CHANGE_UNKNOWN:
        break;
    }
    return "there is no such event";
}

/* A line for each id. Whether all were changed. */
static bool change_tell(struct outbox_console *console, const struct change *change,
                        const struct change_batch *batch, struct buf *text)
{
    bool all = true;

    text->len = 0;
    for (size_t i = 0; i < batch->len; i++) {
        if (batch->outcomes[i] == CHANGE_MADE) {
            (void)buf_printf(text, "%" PRIu64 ": %s\n", batch->ids[i], change->made);
            continue;
        }
        outbox_console_complain(console, "%" PRIu64 ": %s", batch->ids[i],
                                change_refusal(batch->outcomes[i]));
        all = false;
    }
    outbox_console_write(console, buf_span(text));
    return all;
}

static int change_ids(struct outbox_console *console, struct store *store,
                      const struct outbox_request *request, const struct change *change)
{
    cleanup(buf_done) struct buf text = BUF_NULL;
    struct change_batch batch;
    bool all = true;

    for (size_t done = 0; done < request->ids_len; done += batch.len) {
        size_t left = request->ids_len - done;
        batch.len = left < OUTBOX_BATCH ? left : OUTBOX_BATCH;
        memcpy(batch.ids, request->ids + done, batch.len * sizeof(*batch.ids));
        int r = change_commit(change, store, request->force, &batch);
        if (r)
            return outbox_console_failed(console, r);
        all = change_tell(console, change, &batch, &text) && all;
    }
    return all ? EXIT_FINE : EXIT_FAILED;
}

/* ---- All ---- */

/*
 * Only letters that were there at the start: one that is forced comes back under a new id when it
 * dies again, and so would keep this going for ever.
 */
struct change_sweep {
    struct outbox_console *console;
    const struct outbox_request *request;
    uint64_t after, last_id;
    uint64_t made, stale;
    uint64_t total; /* 0: not known */
    struct change_batch batch;
};

static int sweep_row(void *ctx, const struct store_row *row)
{
    struct change_sweep *sweep = ctx;

    if (row->id <= sweep->last_id)
        sweep->batch.ids[sweep->batch.len++] = row->id;
    return 0;
}

static int sweep_read(struct change_sweep *sweep, struct store *store)
{
    struct store_filter filter = {
        .first = STORE_DEAD,
        .last = STORE_DEAD,
        .model = sweep->request->model,
        .after = sweep->after,
        .rows_max = OUTBOX_BATCH,
        .bare = true,
    };

    sweep->batch.len = 0;
    return store->ops->read(store, &filter, sweep_row, sweep);
}

static void sweep_count(struct change_sweep *sweep)
{
    for (size_t i = 0; i < sweep->batch.len; i++) {
        sweep->made += sweep->batch.outcomes[i] == CHANGE_MADE;
        sweep->stale += sweep->batch.outcomes[i] == CHANGE_STALE;
    }
    sweep->after = sweep->batch.ids[sweep->batch.len - 1];
}

static void sweep_progress(const struct change_sweep *sweep)
{
    uint64_t done = sweep->made + sweep->stale;

    if (sweep->total)
        outbox_console_progress(sweep->console, "%" PRIu64 " of %" PRIu64, done, sweep->total);
    else
        outbox_console_progress(sweep->console, "%" PRIu64, done);
}

static int sweep_run(struct change_sweep *sweep, struct store *store)
{
    struct store_counts counts;
    int r = store->ops->last_id(store, &sweep->last_id);

    if (!r)
        r = store->ops->counts(store, &counts);
    if (r)
        return r;
    sweep->total = sweep->request->model.at ? 0 : counts.dead;
    outbox_console_progress_begin(sweep->console);
    for (;;) {
        r = sweep_read(sweep, store);
        if (r || sweep->batch.len == 0)
            return r;
        r = change_commit(&replaying, store, sweep->request->force, &sweep->batch);
        if (r)
            return r;
        sweep_count(sweep);
        sweep_progress(sweep);
    }
}

static int change_all(struct outbox_console *console, struct store *store,
                      const struct outbox_request *request)
{
    struct change_sweep sweep = {.console = console, .request = request};
    cleanup(buf_done) struct buf text = BUF_NULL;
    int r = sweep_run(&sweep, store);
    int exit_code = EXIT_FINE;

    outbox_console_progress_end(console);
    (void)buf_printf(&text, "%" PRIu64 " will be sent again\n", sweep.made);
    outbox_console_write(console, buf_span(&text));
    if (sweep.stale > 0) {
        outbox_console_complain(console,
                                "%" PRIu64 " stay dead: newer events of their records were "
                                "delivered since; --force sends them all the same",
                                sweep.stale);
        exit_code = EXIT_FAILED;
    }
    return r ? outbox_console_failed(console, r) : exit_code;
}

int outbox_replay(struct outbox_console *console, struct store *store,
                  const struct outbox_request *request)
{
    if (request->all)
        return change_all(console, store, request);
    return change_ids(console, store, request, &replaying);
}

int outbox_discard(struct outbox_console *console, struct store *store,
                   const struct outbox_request *request)
{
    return change_ids(console, store, request, &discarding);
}
