/* SPDX-License-Identifier: MIT */
/*
 * Batches.
 *
 * Where one job spoils the transaction, the batch is tried again in halves, down to the job that is
 * to blame. So a full disk refuses new events and nothing else. A group is one job: where one of
 * its operations fails, the transaction is rolled back, so that nothing of the group stays.
 *
 * A store that goes away (a journal) is not to blame on any job. What has no result by then is done
 * anew once the store is back; where the store went at the commit, only if it says then that this
 * commit has not happened.
 */
#include "outbox/writer_batch.h"

#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/util.h"
#include "outbox/outbox_ids.h"

enum { BATCH_BYTES = 32 << 20 }; /* of bodies in a transaction of several jobs */

/* ---- One job ---- */

/* Leaves the record out where it has no letters, as nearly all records: nothing is to be marked. */
static int batch_deliver(struct writer_state *state, struct outbox_op *op)
{
    struct store_row row = op->row;

    if (!row.record.at || !letter_filter_may_have(state->filter, row.model, row.record))
        row.record = SPAN_NULL;
    int r = state->store->ops->deliver(state->store, &row, op->unstored);
    op->missing = r == STORE_MISSING;
    return op->missing ? 0 : r;
}

static int batch_copy(void *ctx, const struct store_row *row)
{
    struct outbox_op *op = ctx;

    op->taken_row = outbox_row_copy(row, op->prepare);
    return op->taken_row ? 0 : -ENOMEM;
}

/* Reads the row before the offer becomes pending: a reading that fails must leave it an offer. */
static int batch_take(struct writer_state *state, struct outbox_op *op)
{
    struct store *store = state->store;
    const struct store_filter filter = {
        .first = STORE_PENDING, .last = STORE_FORCED, .after = op->row.id - 1, .upto = op->row.id};

    op->taken_row = outbox_row_free(op->taken_row);
    int r = store->ops->read(store, &filter, batch_copy, op);
    if (!r)
        r = store->ops->take_offer(store, op->row.id, &op->new_id, op->now_ms);
    if (r || !op->taken_row)
        return r;
    struct store_row *row = &op->taken_row->row;
    row->was = op->new_id == row->id ? row->was : row->id;
    row->id = op->new_id;
    row->state = STORE_PENDING;
    row->stale = false;
    row->attempts = 0;
    row->tried_ms = 0;
    row->since_ms = op->now_ms;
    row->reason = SPAN_NULL;
    return 0;
}

static int batch_do_op(struct writer_state *state, struct outbox_op *op, bool *appended)
{
    struct store *store = state->store;
    int r;

    switch (op->kind) {
    case OUTBOX_APPEND:
        if (store->journal)
            op->row.id = 0; /* an earlier try may have given one */
        r = store->ops->append(store, &op->row);
        *appended |= r == 0;
        return r;
    case OUTBOX_DELIVERED:
        return batch_deliver(state, op);
    case OUTBOX_NOTE_FAILURE:
        return store->ops->note_failure(store, &op->row);
    case OUTBOX_BURY:
        return store->ops->bury(store, &op->row);
    case OUTBOX_TAKE:
        return batch_take(state, op);
    case OUTBOX_REFUSE:
        return store->ops->refuse(store, op->row.id, op->row.reason);
    }
    return 0;
}

static int batch_do_group(struct writer_state *state, const struct outbox_group *group,
                          bool *appended)
{
    struct outbox_job *job;
    int r = 0;

    TAILQ_FOREACH (job, &group->ops, link) {
        r = batch_do_op(state, container_of(job, struct outbox_op, job), appended);
        if (r)
            break;
    }
    return r;
}

static int batch_do(struct writer_state *state, struct outbox_job *job, bool *appended)
{
    if (job->type == OUTBOX_JOB_OP)
        return batch_do_op(state, container_of(job, struct outbox_op, job), appended);
    if (job->type == OUTBOX_JOB_GROUP)
        return batch_do_group(state, container_of(job, struct outbox_group, job), appended);
    const struct outbox_stale_mark *mark = container_of(job, struct outbox_stale_mark, job);
    return state->store->ops->mark_stale(state->store, mark->id, mark->model, mark->record);
}

/* Sets a job's result. The caller gets a taken row with a result of 0 alone. */
static void batch_end(struct outbox_job *job, int r)
{
    job->result = r;
    if (r && job->type == OUTBOX_JOB_OP) {
        struct outbox_op *op = container_of(job, struct outbox_op, job);
        op->taken_row = outbox_row_free(op->taken_row);
    }
}

/* ---- One transaction ---- */

/* What came of a transaction beside its result. */
struct batch_trial {
    bool to_blame; /* a job failed, and the others may go through without that one */
    bool appended; /* an append succeeded */
    bool in_doubt; /* the store went away at the commit */
};

/* Whether the store failed: a row that is missing or stale is no failure. */
static bool batch_is_failure(int result)
{
    return result && result != STORE_MISSING && result != STORE_STALE;
}

/* What each transaction writes besides its jobs: the counts of unstored events, and a new mark. */
static int batch_add_own(struct writer_state *state, uint64_t mark)
{
    int r = state->uncounted ? outbox_unstored_write(state->unstored, state->store) : 0;

    return r || mark <= state->mark ? r : state->store->ops->set_id_mark(state->store, mark);
}

/* Tries the jobs in one transaction. 0: it is committed. */
static int batch_try(struct writer_state *state, struct outbox_job **jobs, size_t len,
                     struct batch_trial *trial)
{
    struct store *store = state->store;
    uint64_t mark = state->last_id ? outbox_ids_mark(state->last_id) : 0;
    int r = store->ops->begin(store);
    int half_done = 0; /* a group's failure, or the store is away */

    *trial = (struct batch_trial){0};
    if (r)
        return r;
    for (size_t i = 0; i < len && !half_done; i++) {
        jobs[i]->result = batch_do(state, jobs[i], &trial->appended);
        trial->to_blame |= batch_is_failure(jobs[i]->result);
        if (jobs[i]->type == OUTBOX_JOB_GROUP || jobs[i]->result == STORE_AWAY)
            half_done = jobs[i]->result;
    }
    if (!half_done)
        half_done = batch_add_own(state, mark);
    r = store_end(store, half_done);
    trial->in_doubt = r == STORE_AWAY && !half_done;
    /* A full disk, or a row that the store cannot take, may show at the commit only; in a journal,
     * which puts changes off, whatever a job fails with. */
    trial->to_blame |=
        r == STORE_FULL || r == STORE_REFUSED || (store->journal && r && r != STORE_AWAY);
    if (r)
        return r;
    outbox_unstored_written(state->unstored);
    state->uncounted = false;
    if (state->mark < mark)
        state->mark = mark;
    return 0;
}

/* The transaction of the jobs has ended with r, for good. */
static void batch_end_all(struct writer_state *state, struct outbox_job **jobs, size_t len, int r,
                          bool appended)
{
    writer_state_note_change(state, r, appended);
    for (size_t i = 0; i < len; i++) {
        if (!r && batch_is_failure(jobs[i]->result))
            writer_state_note_change(state, jobs[i]->result, appended);
        batch_end(jobs[i], r ? r : jobs[i]->result);
    }
}

/* Does so many jobs of the batch. Returns how many, from the first one, have their results: fewer
 * where the store is away. */
static size_t batch_commit(struct writer_batch *batch, struct writer_state *state,
                           struct outbox_job **jobs, size_t len)
{
    struct batch_trial trial;
    int64_t began_ms = clock_mono_ms(&clock_system);
    int r = batch_try(state, jobs, len, &trial);

    if (writer_state_note_away(state, r) == STORE_AWAY) {
        batch->in_doubt = trial.in_doubt;
        batch->appended = trial.appended;
        batch->len = len;
        memmove(batch->jobs, jobs, len * sizeof(struct outbox_job *));
        return 0;
    }
    histogram_add(&state->now.commits, clock_mono_ms(&clock_system) - began_ms);
    if (r && trial.to_blame && len > 1) {
        size_t half = len / 2;
        size_t done = batch_commit(batch, state, jobs, half);
        return done < half ? done : half + batch_commit(batch, state, jobs + half, len - half);
    }
    batch_end_all(state, jobs, len, r, trial.appended);
    return len;
}

/* ---- Together ---- */

static size_t batch_bytes(struct outbox_job *job)
{
    if (job->type == OUTBOX_JOB_GROUP)
        return container_of(job, struct outbox_group, job)->bytes;
    return job->type == OUTBOX_JOB_OP ? container_of(job, struct outbox_op, job)->row.body.len : 0;
}

bool writer_batch_add(struct writer_batch *batch, struct outbox_job *job)
{
    size_t bytes = batch->bytes + batch_bytes(job);

    if (batch->len == WRITER_BATCH_MAX || (batch->len > 0 && bytes > BATCH_BYTES))
        return false;
    batch->bytes = bytes;
    batch->jobs[batch->len++] = job;
    return true;
}

struct outbox_job *writer_batch_commit(struct writer_batch *batch, struct writer_state *state)
{
    size_t len = batch->len;

    batch->bytes = 0;
    struct outbox_job *left =
        batch_commit(batch, state, batch->jobs, len) < len ? batch->jobs[0] : NULL;
    if (!batch->in_doubt)
        batch->len = 0;
    return left;
}

void writer_batch_resolve(struct writer_batch *batch, struct writer_state *state, bool committed)
{
    if (batch->in_doubt && committed)
        batch_end_all(state, batch->jobs, batch->len, 0, batch->appended);
    batch->len = 0;
    batch->in_doubt = false;
}
