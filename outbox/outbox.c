/* SPDX-License-Identifier: MIT */
/*
 * The outbox, as the loop sees it.
 *
 * Jobs that are submitted in one turn of the loop are staged, and go to the writer at the end of
 * the turn: one lock, one wake, one transaction. A timer that is due at once marks that end.
 *
 * Where all staged jobs are patient, the timer is due a few milliseconds later. A commit then holds
 * more jobs. And where Convex is near, most appends are withdrawn before they cost a commit.
 *
 * In a journal every event waits for its append before it is sent: there outbox_gather.h says how
 * long a patient job waits.
 */
#include "outbox/outbox.h"

#include <errno.h>
#include <sys/epoll.h>

#include "base/error.h"
#include "base/log.h"
#include "outbox/outbox_away.h"
#include "outbox/outbox_gather.h"
#include "outbox/outbox_ids.h"
#include "outbox/outbox_marks.h"
#include "outbox/writer.h"

enum {
    OUTBOX_PATIENCE_MS = 3,   /* little beside the fsync that follows */
    OUTBOX_PATIENT_MAX = 256, /* patient jobs of a flush; one more does not wait */
};

struct outbox {
    struct loop *loop;
    bool journal;
    struct outbox_away away;
    struct outbox_gather gather;
    struct outbox_jobs staged;
    unsigned patient; /* patient jobs that were staged since the last flush */
    unsigned flushes; /* how often staged jobs went to the writer */
    struct outbox_ids ids;
    struct loop_timer flush;
    struct outbox_marks marks;
    struct loop_fd finished; /* the writer's eventfd: jobs are finished, or there is news */
    void (*on_offers)(void *ctx);
    void *on_offers_ctx;
    void (*on_taken_over)(void *ctx);
    void *on_taken_over_ctx;
    struct writer writer;
};

static void outbox_flush(void *ctx)
{
    struct outbox *outbox = ctx;

    writer_submit(&outbox->writer, &outbox->staged, outbox->journal ? 0 : outbox->ids.last);
    outbox->patient = 0;
    outbox->flushes++;
    outbox_gather_flushed(&outbox->gather, loop_now_ms(outbox->loop));
}

static void outbox_flush_within(struct outbox *outbox, int64_t ms)
{
    int64_t at_ms = loop_now_ms(outbox->loop) + ms;

    if (!loop_timer_is_set(&outbox->flush) || outbox->flush.at_ms > at_ms)
        loop_timer_set(outbox->loop, &outbox->flush, at_ms);
}

static bool outbox_is_append(struct outbox_job *job)
{
    return job->type == OUTBOX_JOB_OP &&
           container_of(job, struct outbox_op, job)->kind == OUTBOX_APPEND;
}

/* How long a patient job may wait. */
static int64_t outbox_patience_ms(struct outbox *outbox, struct outbox_job *job)
{
    return outbox->journal ? outbox_gather_wait_ms(&outbox->gather, loop_now_ms(outbox->loop),
                                                   outbox_is_append(job))
                           : OUTBOX_PATIENCE_MS;
}

static void outbox_ask_flush(struct outbox *outbox, int64_t patience_ms)
{
    if (patience_ms > 0 && ++outbox->patient > OUTBOX_PATIENT_MAX)
        patience_ms = 0;
    outbox_flush_within(outbox, patience_ms);
}

static void outbox_finish_group(struct outbox_group *group)
{
    struct outbox_job *job;

    while ((job = TAILQ_FIRST(&group->ops)) != NULL) {
        struct outbox_op *op = container_of(job, struct outbox_op, job);
        TAILQ_REMOVE(&group->ops, job, link);
        op->done(op, group->job.result); /* which may free the operation */
    }
    group->done(group, group->job.result);
}

static void outbox_call_done(struct outbox *outbox, struct outbox_job *job)
{
    switch (job->type) {
    case OUTBOX_JOB_OP: {
        struct outbox_op *op = container_of(job, struct outbox_op, job);
        op->done(op, job->result);
        break;
    }
    case OUTBOX_JOB_GROUP:
        outbox_finish_group(container_of(job, struct outbox_group, job));
        break;
    case OUTBOX_JOB_READ: {
        struct outbox_read *read = container_of(job, struct outbox_read, job);
        read->done(read, &read->rows, read->more, job->result);
        break;
    }
    case OUTBOX_JOB_WALK: {
        struct outbox_walk *walk = container_of(job, struct outbox_walk, job);
        walk->done(walk, job->result);
        break;
    }
    case OUTBOX_JOB_NAMING: {
        struct outbox_naming *naming = container_of(job, struct outbox_naming, job);
        naming->done(naming, job->result);
        break;
    }
    case OUTBOX_JOB_STALE_MARK:
        outbox_marks_tried(&outbox->marks, job);
        break;
    }
}

static void outbox_look(struct outbox *outbox)
{
    struct outbox_status status;

    writer_status(&outbox->writer, &status);
    outbox_away_look(&outbox->away, &status, loop_now_ms(outbox->loop));
    if (status.taken_over && outbox->on_taken_over) {
        void (*fn)(void *ctx) = outbox->on_taken_over;
        outbox->on_taken_over = NULL;
        fn(outbox->on_taken_over_ctx);
    }
}

static void outbox_collect(void *ctx, uint32_t events)
{
    struct outbox *outbox = ctx;
    struct outbox_jobs jobs = TAILQ_HEAD_INITIALIZER(jobs);
    struct outbox_job *job;

    (void)events;
    bool news = writer_collect(&outbox->writer, &jobs);
    if (outbox->journal)
        outbox_look(outbox);
    while ((job = TAILQ_FIRST(&jobs)) != NULL) {
        TAILQ_REMOVE(&jobs, job, link);
        outbox_call_done(outbox, job); /* may free the job, or submit it again */
    }
    if (news && outbox->on_offers)
        outbox->on_offers(outbox->on_offers_ctx);
}

static void outbox_submit_job(void *ctx, struct outbox_job *job, bool patient)
{
    struct outbox *outbox = ctx;

    job->flush = outbox->flushes;
    job->taken = false;
    job->given_up = false;
    job->result = 0;
    TAILQ_INSERT_TAIL(&outbox->staged, job, link);
    outbox_ask_flush(outbox, patient ? outbox_patience_ms(outbox, job) : 0);
}

int outbox_new(struct loop *loop, struct store *store, struct allocator *allocator,
               struct outbox **out)
{
    struct outbox *outbox = calloc(1, sizeof(*outbox));

    if (!outbox)
        return error_origin(-ENOMEM);
    outbox->loop = loop;
    outbox->journal = store->journal;
    TAILQ_INIT(&outbox->staged);
    outbox->flush = (struct loop_timer){.fn = outbox_flush, .ctx = outbox};
    outbox_marks_init(&outbox->marks, loop, allocator, outbox_submit_job, outbox);
    int r = writer_init(&outbox->writer);
    if (r) {
        free(outbox);
        return r;
    }
    outbox->finished = (struct loop_fd){writer_event_fd(&outbox->writer), outbox_collect, outbox};
    r = loop_fd_add(loop, &outbox->finished, EPOLLIN);
    if (!r) {
        r = writer_start(&outbox->writer, store);
        if (r)
            loop_fd_remove(loop, &outbox->finished);
    }
    if (r) {
        writer_done(&outbox->writer);
        free(outbox);
        return r;
    }
    outbox_ids_init(&outbox->ids, writer_mark(&outbox->writer));
    outbox_look(outbox);
    *out = outbox;
    return 0;
}

/* What has become of an operation at the end. True: Convex has taken its event, and the store does
 * not know. */
static bool outbox_drop_op(struct outbox_op *op)
{
    op->taken_row = outbox_row_free(op->taken_row);
    return op->kind == OUTBOX_DELIVERED && op->job.result == STORE_AWAY;
}

/* Frees what finished jobs have brought. No done is called any more, so nobody else would. */
static void outbox_drop(struct outbox_jobs *jobs)
{
    struct outbox_job *job;
    unsigned unsettled = 0;

    while ((job = TAILQ_FIRST(jobs)) != NULL) {
        TAILQ_REMOVE(jobs, job, link);
        if (job->type == OUTBOX_JOB_READ)
            outbox_rows_free(&container_of(job, struct outbox_read, job)->rows);
        else if (job->type == OUTBOX_JOB_STALE_MARK)
            free(container_of(job, struct outbox_stale_mark, job));
        else if (job->type == OUTBOX_JOB_OP)
            unsettled += outbox_drop_op(container_of(job, struct outbox_op, job));
    }
    if (unsettled > 0)
        log_warn("the outbox is away: what Convex has taken could not be settled, and may be sent "
                 "again",
                 "events", log_number(unsettled));
}

struct outbox *outbox_free(struct outbox *outbox)
{
    if (outbox) {
        struct outbox_jobs finished = TAILQ_HEAD_INITIALIZER(finished);
        outbox_marks_done(&outbox->marks);
        loop_timer_clear(outbox->loop, &outbox->flush);
        loop_fd_remove(outbox->loop, &outbox->finished);
        outbox_flush(outbox);
        writer_stop(&outbox->writer);
        (void)writer_collect(&outbox->writer, &finished);
        outbox_drop(&finished);
        writer_done(&outbox->writer);
        free(outbox);
    }
    return NULL;
}

bool outbox_is_journal(const struct outbox *outbox)
{
    return outbox->journal;
}

uint64_t outbox_next_id(struct outbox *outbox)
{
    return outbox->journal ? 0
                           : outbox_ids_next(&outbox->ids, clock_wall_ms(loop_clock(outbox->loop)));
}

bool outbox_is_known(const struct outbox *outbox)
{
    struct outbox_status status;

    writer_status((struct writer *)&outbox->writer, &status); /* the cast: as outbox_tallies() */
    return status.known;
}

uint64_t outbox_last_id(const struct outbox *outbox)
{
    return outbox->ids.last;
}

/* A letter enters the filter at its submission: a newer event may be delivered before the letter is
 * written, and must find the filter set. */
static void outbox_make_ready(struct outbox *outbox, struct outbox_op *op)
{
    if (op->kind == OUTBOX_BURY || (op->kind == OUTBOX_APPEND && op->row.state == STORE_DEAD))
        writer_expect_letter(&outbox->writer, op->row.model, op->row.record);
    op->taken_row = NULL;
    op->missing = false;
    op->job.type = OUTBOX_JOB_OP;
}

void outbox_submit(struct outbox *outbox, struct outbox_op *op)
{
    outbox_make_ready(outbox, op);
    outbox_submit_job(outbox, &op->job, op->patient);
}

void outbox_group_init(struct outbox_group *group)
{
    TAILQ_INIT(&group->ops);
    group->bytes = 0;
}

void outbox_group_add(struct outbox_group *group, struct outbox_op *op)
{
    TAILQ_INSERT_TAIL(&group->ops, &op->job, link);
    group->bytes += op->row.body.len;
}

void outbox_submit_group(struct outbox *outbox, struct outbox_group *group)
{
    struct outbox_job *job;

    TAILQ_FOREACH (job, &group->ops, link)
        outbox_make_ready(outbox, container_of(job, struct outbox_op, job));
    group->job.type = OUTBOX_JOB_GROUP;
    outbox_submit_job(outbox, &group->job, false);
}

void outbox_submit_read(struct outbox *outbox, struct outbox_read *read)
{
    read->job.type = OUTBOX_JOB_READ;
    outbox_submit_job(outbox, &read->job, false);
}

void outbox_submit_walk(struct outbox *outbox, struct outbox_walk *walk)
{
    walk->job.type = OUTBOX_JOB_WALK;
    outbox_submit_job(outbox, &walk->job, false);
}

void outbox_submit_naming(struct outbox *outbox, struct outbox_naming *naming)
{
    naming->job.type = OUTBOX_JOB_NAMING;
    outbox_submit_job(outbox, &naming->job, false);
}

bool outbox_is_past_mark(const struct outbox *outbox, uint64_t id)
{
    return id > writer_mark(&outbox->writer);
}

/* Takes a job out of the queue again. False: the writer has taken it. */
static bool outbox_take_back(struct outbox *outbox, struct outbox_job *job)
{
    if (job->flush != outbox->flushes)
        return writer_withdraw(&outbox->writer, job);
    TAILQ_REMOVE(&outbox->staged, job, link);
    return true;
}

bool outbox_withdraw(struct outbox *outbox, struct outbox_op *op)
{
    return !outbox_is_past_mark(outbox, op->row.id) && outbox_take_back(outbox, &op->job);
}

static void outbox_give_up_job(struct outbox *outbox, struct outbox_job *job)
{
    if (!outbox_take_back(outbox, job))
        return;
    job->result = STORE_AWAY;
    outbox_call_done(outbox, job);
}

void outbox_give_up(struct outbox *outbox, struct outbox_op *op)
{
    outbox_give_up_job(outbox, &op->job);
}

void outbox_give_up_group(struct outbox *outbox, struct outbox_group *group)
{
    outbox_give_up_job(outbox, &group->job);
}

bool outbox_may_have_letters(const struct outbox *outbox, struct span model, struct span record)
{
    return record.at && model.at && writer_may_have_letters(&outbox->writer, model, record);
}

int outbox_delivered_unstored(struct outbox *outbox, uint64_t id, struct span model,
                              struct span record)
{
    struct outbox_stale_mark *mark = NULL;
    bool marks = outbox_may_have_letters(outbox, model, record);

    if (marks && !(mark = outbox_marks_new(&outbox->marks, id, model, record)))
        return error_origin(-ENOMEM);
    int r = writer_count_unstored(&outbox->writer, model);
    if (r) {
        free(mark);
        return r;
    }
    if (mark)
        outbox_marks_owe(&outbox->marks, mark);
    outbox_ask_flush(outbox, OUTBOX_PATIENCE_MS);
    return 0;
}

unsigned outbox_stale_marks_owed(const struct outbox *outbox)
{
    return outbox->marks.owed;
}

int outbox_tallies(const struct outbox *outbox, struct outbox_tallies *tallies)
{
    /* The cast: a reading locks the writer's mutex, and changes nothing else. */
    return writer_tallies((struct writer *)&outbox->writer, tallies);
}

bool outbox_is_away(const struct outbox *outbox)
{
    return outbox->away.now;
}

void outbox_status(struct outbox *outbox, struct outbox_status *status)
{
    writer_status(&outbox->writer, status);
    status->away = outbox->away.now;
    status->away_since_ms = outbox->away.since_ms;
}

void outbox_on_offers(struct outbox *outbox, void (*fn)(void *ctx), void *ctx)
{
    outbox->on_offers = fn;
    outbox->on_offers_ctx = ctx;
}

void outbox_on_taken_over(struct outbox *outbox, void (*fn)(void *ctx), void *ctx)
{
    outbox->on_taken_over = fn;
    outbox->on_taken_over_ctx = ctx;
}
