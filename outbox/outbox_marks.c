/* SPDX-License-Identifier: MIT */
/* Stale marks. */
#include "outbox/outbox_marks.h"

#include "base/allocator.h"
#include "base/log.h"

enum {
    OUTBOX_MARKS_AGAIN_MS = 1000, /* until stale marks that failed are submitted again */
    OUTBOX_MARKS_MAX = 4096,      /* stale marks kept meanwhile */
};

static void outbox_marks_again(void *ctx)
{
    struct outbox_marks *marks = ctx;
    struct outbox_job *job;

    while ((job = TAILQ_FIRST(&marks->failed)) != NULL) {
        TAILQ_REMOVE(&marks->failed, job, link);
        marks->submit(marks->ctx, job, true);
    }
    marks->failed_len = 0;
}

void outbox_marks_init(struct outbox_marks *marks, struct loop *loop, struct allocator *allocator,
                       void (*submit)(void *ctx, struct outbox_job *job, bool patient), void *ctx)
{
    *marks = (struct outbox_marks){
        .loop = loop,
        .allocator = allocator,
        .again = {.fn = outbox_marks_again, .ctx = marks},
        .submit = submit,
        .ctx = ctx,
    };
    TAILQ_INIT(&marks->failed);
}

void outbox_marks_done(struct outbox_marks *marks)
{
    outbox_marks_again(marks);
    loop_timer_clear(marks->loop, &marks->again);
}

struct outbox_stale_mark *outbox_marks_new(struct outbox_marks *marks, uint64_t id,
                                           struct span model, struct span record)
{
    struct outbox_stale_mark *mark =
        allocator_alloc(marks->allocator, sizeof(*mark) + model.len + record.len);

    if (!mark)
        return NULL;
    char *text = (char *)(mark + 1);
    memcpy(text, model.at, model.len);
    memcpy(text + model.len, record.at, record.len);
    *mark = (struct outbox_stale_mark){
        .job = {.type = OUTBOX_JOB_STALE_MARK},
        .id = id,
        .model = {text, model.len},
        .record = {text + model.len, record.len},
    };
    return mark;
}

void outbox_marks_owe(struct outbox_marks *marks, struct outbox_stale_mark *mark)
{
    marks->owed++;
    marks->submit(marks->ctx, &mark->job, false);
}

/* The store has not taken a stale mark. The outbox keeps the mark and submits it again: a letter
 * that lacks its mark would be replayed over a newer event. */
static void outbox_marks_keep(struct outbox_marks *marks, struct outbox_job *job)
{
    TAILQ_INSERT_TAIL(&marks->failed, job, link);
    if (marks->failed_len++ == OUTBOX_MARKS_MAX) { /* the oldest mark stays owed for ever */
        log_warn(
            "the outbox has failed for long, and which dead letters are stale is not known any "
            "more: no replay is sent until the relay is restarted");
        job = TAILQ_FIRST(&marks->failed);
        TAILQ_REMOVE(&marks->failed, job, link);
        marks->failed_len--;
        free(container_of(job, struct outbox_stale_mark, job));
    }
    if (!loop_timer_is_set(&marks->again))
        loop_timer_set(marks->loop, &marks->again,
                       loop_now_ms(marks->loop) + OUTBOX_MARKS_AGAIN_MS);
}

void outbox_marks_tried(struct outbox_marks *marks, struct outbox_job *job)
{
    if (job->result) {
        outbox_marks_keep(marks, job);
        return;
    }
    marks->owed--;
    free(container_of(job, struct outbox_stale_mark, job));
}
