/* SPDX-License-Identifier: MIT */
/*
 * Lone jobs of the writer: each runs outside the batches, in a transaction of its own or in none.
 * One that meets a store that is away has the result STORE_AWAY, and is done anew later, also where
 * its commit is in doubt: refusing offers and naming models twice is as good as once.
 */
#include "outbox/writer_lone.h"

#include <errno.h>

#include "base/util.h"

enum { LONE_WALK_ROWS = 1024 }; /* offers refused in one step of a walk */

/* ---- Pages ---- */

struct lone_page {
    struct outbox_read *read;
    uint64_t rows;
    size_t bytes;
};

static int lone_add_row(void *ctx, const struct store_row *row)
{
    struct lone_page *page = ctx;
    struct outbox_read *read = page->read;

    if (page->rows == read->rows_max ||
        (page->rows > 0 && page->bytes + row->body.len > read->bytes_max)) {
        read->more = true;
        return WRITER_ENOUGH;
    }
    struct outbox_row *copy = outbox_row_copy(row, read->prepare);
    if (!copy)
        return -ENOMEM;
    TAILQ_INSERT_TAIL(&read->rows, copy, link);
    page->rows++;
    page->bytes += row->body.len;
    return 0;
}

static int lone_read_page(struct writer_state *state, struct outbox_read *read)
{
    struct store *store = state->store;
    const struct store_filter filter = {
        .first = read->offers ? STORE_OFFERED : STORE_PENDING,
        .last = read->offers ? STORE_FORCED : STORE_PENDING,
        .model = read->model,
        .after = read->after,
        .upto = read->upto,
        .bare = read->offers,
    };
    struct lone_page page = {.read = read};
    int r = store->ops->read(store, &filter, lone_add_row, &page);

    return r == WRITER_ENOUGH ? 0 : r;
}

static void lone_read(struct writer_state *state, struct outbox_read *read)
{
    TAILQ_INIT(&read->rows);
    read->more = false;
    read->job.result = writer_state_note_reading(state, lone_read_page(state, read));
    if (read->job.result) {
        outbox_rows_free(&read->rows);
        read->more = false;
    }
}

/* ---- Walks ---- */

static int lone_next_model(struct writer_state *state, struct outbox_walk *walk)
{
    struct store *store = state->store;
    struct buf model = BUF_NULL;
    struct span after = walk->named ? buf_span(&walk->model) : SPAN_NULL;
    int r = store->ops->next_offered_model(store, after, &model);

    if (writer_state_note_reading(state, r)) {
        buf_done(&model);
        return r;
    }
    buf_done(&walk->model);
    walk->model = model;
    walk->named = true;
    return 0;
}

static int lone_refuse(struct writer_state *state, struct outbox_walk *walk)
{
    struct store *store = state->store;
    uint64_t rows = 0;
    int r = store->ops->begin(store);

    if (r)
        return r;
    r = store->ops->refuse_model(store, walk->named ? buf_span(&walk->model) : SPAN_NULL,
                                 walk->reason, LONE_WALK_ROWS, &rows);
    if (r || rows == 0) { /* even an empty commit would write */
        store->ops->rollback(store);
        return r;
    }
    r = store->ops->commit(store);
    if (!r)
        walk->refused = rows;
    if (r == STORE_AWAY)
        return r;
    writer_state_read_counts(state);
    writer_state_find_offers(state);
    return r;
}

static int lone_walk(struct writer_state *state, struct outbox_walk *walk)
{
    walk->refused = 0;
    return walk->step == OUTBOX_WALK_NEXT ? lone_next_model(state, walk) : lone_refuse(state, walk);
}

/* ---- Models ---- */

static int lone_name(struct writer_state *state, const struct outbox_naming *naming)
{
    struct store *store = state->store;
    int r = store->ops->begin(store);

    if (r)
        return r;
    for (size_t i = 0; i < naming->models_len && !r; i++)
        r = store->ops->name(store, naming->models[i]);
    r = store_end(store, r);
    if (r != STORE_AWAY)
        writer_state_read_counts(state);
    return r;
}

/* ---- Jobs ---- */

bool writer_lone_is(const struct outbox_job *job)
{
    return job->type == OUTBOX_JOB_READ || job->type == OUTBOX_JOB_WALK ||
           job->type == OUTBOX_JOB_NAMING;
}

void writer_lone_do(struct writer_state *state, struct outbox_job *job)
{
    switch (job->type) {
    case OUTBOX_JOB_READ:
        lone_read(state, container_of(job, struct outbox_read, job));
        break;
    case OUTBOX_JOB_WALK:
        job->result = lone_walk(state, container_of(job, struct outbox_walk, job));
        (void)writer_state_note_away(state, job->result);
        break;
    case OUTBOX_JOB_NAMING:
        job->result = lone_name(state, container_of(job, struct outbox_naming, job));
        (void)writer_state_note_away(state, job->result);
        break;
    case OUTBOX_JOB_OP:
    case OUTBOX_JOB_GROUP:
    case OUTBOX_JOB_STALE_MARK:
        break;
    }
}
