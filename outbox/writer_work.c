/* SPDX-License-Identifier: MIT */
/*
 * What the outbox's thread does to the store.
 *
 * Jobs that stand together become one transaction. Where one of them spoils it, it is tried again
 * in halves, down to the one that is to blame, so that a full disk refuses new events and nothing
 * else.
 */
#include <errno.h>

#include "base/error.h"
#include "outbox/writer.h"

/* ---- One job ---- */

int writer_add_letter(void *ctx, const struct store_row *row)
{
    struct writer *writer = ctx;

    if (row->record.at)
        letter_filter_add(&writer->filter, row->model, row->record);
    return 0;
}

/* Only the store knows whose record a buried event was. Where that cannot be read, it may have been
 * any; if the store is broken, it is the commit that says so. */
static int writer_bury(struct writer *writer, const struct store_row *row)
{
    const struct store_filter filter = {
        .first = STORE_DEAD, .last = STORE_DEAD, .after = row->id - 1, .rows_max = 1, .bare = true};
    int r = writer->store->ops->bury(writer->store, row);

    if (r)
        return r;
    if (writer->store->ops->read(writer->store, &filter, writer_add_letter, writer))
        letter_filter_set_loaded(&writer->filter, false);
    return 0;
}

static int writer_append(struct writer *writer, const struct store_row *row)
{
    int r = writer->store->ops->append(writer->store, row);

    if (!r && row->state == STORE_DEAD)
        (void)writer_add_letter(writer, row);
    if (!r)
        writer->appended = true;
    return r;
}

static int writer_overtake(struct writer *writer, const struct store_row *row)
{
    const struct store_ops *ops = writer->store->ops;
    int r = ops->overtaken(writer->store, row->id, row->model, row->record);

    return r ? r : ops->count_delivered(writer->store, row->model, 1);
}

static int writer_apply_op(struct writer *writer, const struct outbox_op *op)
{
    const struct store_ops *ops = writer->store->ops;

    switch (op->kind) {
    case OUTBOX_APPEND:
        return writer_append(writer, &op->row);
    case OUTBOX_DELIVERED:
        return ops->delivered(writer->store, op->row.id);
    case OUTBOX_POSTPONE:
        return ops->postpone(writer->store, &op->row);
    case OUTBOX_BURY:
        return writer_bury(writer, &op->row);
    case OUTBOX_TAKE:
    case OUTBOX_REFUSE:
        return error_origin(-ENOSYS);
    case OUTBOX_OVERTAKES:
        return writer_overtake(writer, &op->row);
    }
    return 0;
}

static int writer_apply(struct writer *writer, struct outbox_job *job)
{
    if (job->type == OUTBOX_JOB_OP)
        return writer_apply_op(writer, container_of(job, struct outbox_op, job));
    const struct outbox_overtaken *overtaken = container_of(job, struct outbox_overtaken, job);
    return writer->store->ops->overtaken(writer->store, overtaken->id, overtaken->model,
                                         overtaken->record);
}

bool writer_is_mark(const struct outbox_job *job)
{
    return job->type == OUTBOX_JOB_OVERTAKEN ||
           (job->type == OUTBOX_JOB_OP &&
            container_of(job, struct outbox_op, job)->kind == OUTBOX_OVERTAKES);
}

/* ---- One transaction ---- */

/* That there is no such row says nothing of the store. */
static bool writer_is_failure(int result)
{
    return result && result != STORE_MISSING;
}

/* 0: it is committed. *to_blame: some of the jobs failed, and another try without it may do. */
static int writer_try(struct writer *writer, struct outbox_job **jobs, size_t len, bool *to_blame)
{
    struct store *store = writer->store;
    int r = store->ops->begin(store);

    *to_blame = false;
    writer->appended = false;
    if (r)
        return r;
    for (size_t i = 0; i < len; i++) {
        jobs[i]->result = writer_apply(writer, jobs[i]);
        *to_blame |= writer_is_failure(jobs[i]->result);
    }
    if (writer->uncounted > 0)
        r = store->ops->count_delivered(store, SPAN_NULL, writer->uncounted);
    if (r)
        store->ops->rollback(store);
    else
        r = store->ops->commit(store);
    if (!r)
        writer->uncounted = 0;
    *to_blame |= r == STORE_FULL; /* which may come out at the end only */
    return r;
}

static void writer_ended(struct writer *writer, int r)
{
    if (r == STORE_REFUSED)
        return; /* the fault is not the store's */
    if (r)
        writer->now.failing = r > 0 ? r : STORE_BROKEN;
    else if (writer->now.failing != STORE_FULL || writer->appended)
        writer->now.failing = 0; /* what frees room says nothing of what takes some */
}

static void writer_commit(struct writer *writer, struct outbox_job **jobs, size_t len)
{
    bool to_blame;
    int64_t began_ms = clock_mono_ms(&clock_system);
    int r = writer_try(writer, jobs, len, &to_blame);

    histogram_add(&writer->now.commits, clock_mono_ms(&clock_system) - began_ms);
    if (r && to_blame && len > 1) {
        writer_commit(writer, jobs, len / 2);
        writer_commit(writer, jobs + len / 2, len - len / 2);
        return;
    }
    writer_ended(writer, r);
    for (size_t i = 0; i < len; i++) {
        if (r)
            jobs[i]->result = r;
        else if (writer_is_failure(jobs[i]->result))
            writer_ended(writer, jobs[i]->result);
        writer->marks_failed += jobs[i]->result && writer_is_mark(jobs[i]);
    }
}

void writer_count(struct writer *writer)
{
    struct store_counts counts;

    if (writer_read_ended(writer, writer->store->ops->counts(writer->store, &counts)) == 0)
        writer->now.counts = counts;
}

/* ---- Reading ---- */

enum { WRITER_ENOUGH = 1000 }; /* what ends a reading; no outcome of the store's */

int writer_read_ended(struct writer *writer, int r)
{
    if (r == STORE_BROKEN || (r < 0 && r != -EAGAIN)) {
        writer->now.unreadable = true;
        writer->unread_ms = clock_mono_ms(&clock_system);
    }
    return r;
}

struct writer_page {
    struct outbox_read *read;
    uint64_t rows;
    size_t bytes;
    int r;
};

static int writer_page_add(void *ctx, const struct store_row *row)
{
    struct writer_page *page = ctx;
    struct outbox_read *read = page->read;

    if (page->rows == read->rows_max ||
        (page->rows > 0 && page->bytes + row->body.len > read->bytes_max)) {
        read->more = true;
        return WRITER_ENOUGH;
    }
    struct outbox_row *copy = outbox_row_copy(row);
    if (!copy)
        return -ENOMEM;
    TAILQ_INSERT_TAIL(&read->rows, copy, link);
    page->rows++;
    page->bytes += row->body.len;
    return 0;
}

/* A state at a time, which its index gives in order: several would be sorted in memory. */
static int writer_read_states(struct writer *writer, struct store_filter filter, store_row_fn fn,
                              void *ctx)
{
    enum store_state last = filter.last;
    int r = 0;

    for (; !r && filter.first <= last; filter.first++) {
        filter.last = filter.first;
        r = writer->store->ops->read(writer->store, &filter, fn, ctx);
    }
    return r;
}

static int writer_read_page(struct writer *writer, struct outbox_read *read)
{
    bool replays = !read->model.at;
    const struct store_filter filter = {
        .first = replays ? STORE_OFFERED : STORE_PENDING,
        .last = replays ? STORE_FORCED : STORE_PENDING,
        .model = read->model,
        .after = read->after,
    };
    struct writer_page page = {.read = read};
    int r = writer_read_states(writer, filter, writer_page_add, &page);

    return r == WRITER_ENOUGH ? 0 : r;
}

/* Makes what was read pending. What has become stale is dead again, and leaves the page. */
static int writer_resume(struct writer *writer, struct outbox_rows *rows)
{
    struct outbox_row *row = TAILQ_FIRST(rows);

    while (row) {
        struct outbox_row *next = TAILQ_NEXT(row, link);
        bool forced = row->row.state == STORE_FORCED;
        uint64_t id = forced ? atomic_fetch_add(&writer->next_id, 1) : row->row.id;
        int r = writer->store->ops->resume(writer->store, row->row.id, id);
        if (r && r != STORE_STALE)
            return r;
        row->row = (struct store_row){.id = id,
                                      .state = STORE_PENDING,
                                      .model = row->row.model,
                                      .record = row->row.record,
                                      .body = row->row.body,
                                      .arrived_ms = row->row.arrived_ms,
                                      .died_ms = row->row.died_ms};
        if (r) {
            TAILQ_REMOVE(rows, row, link);
            outbox_row_free(row);
        }
        row = next;
    }
    return 0;
}

/*
 * A mark that failed may be about one of the letters. The loop submits it again as soon as it knows
 * of the failure, and reads again behind it.
 */
static int writer_take_replays(struct writer *writer, struct outbox_read *read)
{
    struct store *store = writer->store;

    if (read->marks_failed != writer->marks_failed)
        return -EAGAIN;
    int r = store->ops->begin(store);
    if (r)
        return r;
    r = writer_read_page(writer, read);
    if (!r)
        r = writer_resume(writer, &read->rows);
    if (!r)
        return store->ops->commit(store);
    store->ops->rollback(store);
    return r;
}

static int writer_stop_at_first(void *ctx, const struct store_row *row)
{
    (void)ctx;
    (void)row;
    return WRITER_ENOUGH;
}

static void writer_look_for_replays(struct writer *writer)
{
    const struct store_filter filter = {.first = STORE_OFFERED, .last = STORE_FORCED, .bare = true};
    int r =
        writer_read_ended(writer, writer_read_states(writer, filter, writer_stop_at_first, NULL));

    if (!r || r == WRITER_ENOUGH)
        writer->now.offers = r == WRITER_ENOUGH;
}

static void writer_read(struct writer *writer, struct outbox_read *read)
{
    bool replays = !read->model.at;

    TAILQ_INIT(&read->rows);
    read->more = false;
    read->job.result = writer_read_ended(writer, replays ? writer_take_replays(writer, read)
                                                         : writer_read_page(writer, read));
    if (read->job.result) {
        outbox_rows_free(&read->rows);
        read->more = false;
    }
    if (replays) {
        writer_look_for_replays(writer);
        writer_count(writer);
    }
}

/* Inside a transaction, since somebody beside us may be at work, too. */
static int writer_count_rows(struct writer *writer, struct outbox_census *census)
{
    struct store *store = writer->store;
    int r = store->ops->begin(store);

    if (r)
        return r;
    r = store->ops->rows(store, SPAN_NULL, &census->all);
    for (size_t i = 0; !r && i < census->models_len; i++)
        r = store->ops->rows(store, census->models[i].model, &census->models[i].rows);
    store->ops->rollback(store);
    return writer_read_ended(writer, r);
}

/* ---- All that was taken ---- */

static size_t writer_job_bytes(struct outbox_job *job)
{
    return job->type == OUTBOX_JOB_OP ? container_of(job, struct outbox_op, job)->row.body.len : 0;
}

/* Whether it shares no transaction. */
static bool writer_is_alone(const struct outbox_job *job)
{
    return job->type == OUTBOX_JOB_READ || job->type == OUTBOX_JOB_WALK ||
           job->type == OUTBOX_JOB_CENSUS || job->type == OUTBOX_JOB_NAMING;
}

static void writer_do_alone(struct writer *writer, struct outbox_job *job)
{
    if (job->type == OUTBOX_JOB_READ)
        writer_read(writer, container_of(job, struct outbox_read, job));
    else if (job->type == OUTBOX_JOB_CENSUS)
        job->result = writer_count_rows(writer, container_of(job, struct outbox_census, job));
    else if (job->type == OUTBOX_JOB_NAMING)
        job->result = error_origin(-ENOSYS);
    else
        writer_walk(writer, container_of(job, struct outbox_walk, job));
}

/* Puts jobs that can share a transaction into the batch; the first one behind them. */
static struct outbox_job *writer_fill_batch(struct writer *writer)
{
    struct outbox_job *job = TAILQ_FIRST(&writer->taken);
    size_t bytes = 0;

    for (writer->batch_len = 0; job; job = TAILQ_NEXT(job, link)) {
        bytes += writer_job_bytes(job);
        if (writer_is_alone(job) || writer->batch_len == WRITER_BATCH_MAX ||
            (writer->batch_len > 0 && bytes > WRITER_BATCH_BYTES))
            break;
        writer->batch[writer->batch_len++] = job;
    }
    return job;
}

void writer_work(struct writer *writer)
{
    struct outbox_job *job;

    do {
        job = writer_fill_batch(writer);
        if (writer->batch_len > 0 || writer->uncounted > 0) {
            writer_commit(writer, writer->batch, writer->batch_len);
            writer_count(writer);
        }
        if (job && writer_is_alone(job)) {
            writer_do_alone(writer, job);
            job = TAILQ_NEXT(job, link);
        }
        writer_report(writer, job);
    } while (job);
}

/* ---- By itself ---- */

int writer_look(struct writer *writer)
{
    uint64_t last_id;
    int r = writer->store->ops->last_id(writer->store, &last_id);

    if (!r)
        r = writer->store->ops->counts(writer->store, &writer->now.counts);
    if (r)
        return r;
    writer_look_for_replays(writer);
    atomic_store(&writer->next_id, last_id + 1);
    writer->status = writer->now;
    return 0;
}

/* While it cannot be read, any record may have dead letters. */
void writer_load_filter(struct writer *writer)
{
    const struct store_filter filter = {.first = STORE_DEAD, .last = STORE_FORCED, .bare = true};

    if (writer_read_ended(writer, writer_read_states(writer, filter, writer_add_letter, writer)) ==
        0)
        letter_filter_set_loaded(&writer->filter, true);
}

/* Whether an event could be stored now. Nothing is. */
static int writer_probe(struct writer *writer)
{
    struct store *store = writer->store;
    const struct store_row row = {.id = atomic_load(&writer->next_id), .body = SPAN("{}")};
    int r = store->ops->begin(store);

    if (r)
        return r;
    r = store->ops->append(store, &row);
    store->ops->rollback(store);
    if (!r)
        r = store->ops->begin(store);
    return r ? r : store->ops->commit(store);
}

void writer_tick(struct writer *writer)
{
    bool changed = false;
    bool damaged = writer->store->ops->tend(writer->store) != 0;

    writer->now.unreadable =
        damaged || (writer->now.unreadable &&
                    clock_mono_ms(&clock_system) - writer->unread_ms < WRITER_UNREAD_MS);
    if (writer->now.failing) {
        int r = writer_probe(writer);
        writer->now.failing = r > 0 ? r : r < 0 ? STORE_BROKEN : 0;
    }
    if (!atomic_load(&writer->filter.loaded))
        writer_load_filter(writer);
    int r = writer_read_ended(writer, writer->store->ops->changed(writer->store, &changed));
    if (r)
        writer->now.failing = r > 0 ? r : STORE_BROKEN;
    if (changed) {
        writer_look_for_replays(writer);
        writer_count(writer);
    }
    writer_report(writer, TAILQ_FIRST(&writer->taken));
}
