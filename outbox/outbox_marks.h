/* SPDX-License-Identifier: MIT */
/*
 * Stale marks, as the loop sees them: of events that were delivered and never stored, so that older
 * letters and offers of their records become stale all the same. Marks that the store has not taken
 * are kept, and submitted again.
 */
#pragma once

#include "base/loop.h"
#include "outbox/outbox_job.h"

struct allocator;

struct outbox_marks {
    struct loop *loop;
    struct allocator *allocator;
    struct outbox_jobs failed; /* marks that the store has not taken */
    int failed_len;
    unsigned owed;           /* the failed ones, those that the writer has, and the lost ones */
    struct loop_timer again; /* submits the failed marks again */
    void (*submit)(void *ctx, struct outbox_job *job, bool patient);
    void *ctx;
};

/* submit: hands a mark to the writer. */
void outbox_marks_init(struct outbox_marks *marks, struct loop *loop, struct allocator *allocator,
                       void (*submit)(void *ctx, struct outbox_job *job, bool patient), void *ctx);

/* Submits all marks that have failed, for the last time. */
void outbox_marks_done(struct outbox_marks *marks);

/* A mark that is not submitted yet. NULL: out of memory. */
struct outbox_stale_mark *outbox_marks_new(struct outbox_marks *marks, uint64_t id,
                                           struct span model, struct span record);

/* The mark is owed from now on, and submitted. */
void outbox_marks_owe(struct outbox_marks *marks, struct outbox_stale_mark *mark);

/* The writer has tried the mark: forgets it, or keeps it to submit it again. */
void outbox_marks_tried(struct outbox_marks *marks, struct outbox_job *job);
