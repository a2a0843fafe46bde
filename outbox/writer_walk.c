/* SPDX-License-Identifier: MIT */
/* The outbox's thread walks through the models that have pending rows: see struct outbox_walk. */
#include "outbox/writer.h"

static int writer_walk_next(struct writer *writer, struct outbox_walk *walk)
{
    struct buf model = BUF_NULL;
    struct span after = walk->named ? buf_span(&walk->model) : SPAN_NULL;
    int r = writer_read_ended(writer, writer->store->ops->next_model(writer->store, after, &model));

    if (r) {
        buf_done(&model);
        return r;
    }
    buf_done(&walk->model);
    walk->model = model;
    walk->named = true;
    return 0;
}

struct writer_burial {
    struct writer *writer;
    uint64_t rows;
};

static int writer_buried(void *ctx, const struct store_row *row)
{
    struct writer_burial *burial = ctx;

    burial->rows++;
    return writer_add_letter(burial->writer, row);
}

static int writer_walk_bury(struct writer *writer, struct outbox_walk *walk)
{
    struct store *store = writer->store;
    const struct store_row letter = {
        .model = walk->named ? buf_span(&walk->model) : SPAN_NULL,
        .reason = walk->reason,
        .died_ms = walk->died_ms,
    };
    struct writer_burial burial = {.writer = writer};
    int r = store->ops->begin(store);

    if (r)
        return r;
    r = store->ops->bury_model(store, &letter, WRITER_WALK_ROWS, writer_buried, &burial);
    if (r || burial.rows == 0) { /* a commit of nothing would be a write, too */
        store->ops->rollback(store);
        return r;
    }
    r = store->ops->commit(store);
    if (!r)
        walk->buried = burial.rows;
    writer_count(writer);
    return r;
}

void writer_walk(struct writer *writer, struct outbox_walk *walk)
{
    walk->buried = 0;
    walk->job.result = walk->step == OUTBOX_WALK_NEXT_PENDING ? writer_walk_next(writer, walk)
                                                              : writer_walk_bury(writer, walk);
}
