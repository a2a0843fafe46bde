/* SPDX-License-Identifier: MIT */
/* The outbox's thread, which alone speaks to the store: what outbox.c sees of it. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "outbox/letter_filter.h"
#include "outbox/outbox.h"

enum {
    WRITER_BATCH_MAX = 4096,       /* jobs in one transaction */
    WRITER_BATCH_BYTES = 32 << 20, /* of bodies in one transaction, when there are several */
    WRITER_WALK_ROWS = 1024,       /* buried in one step of a walk */
    WRITER_TICK_MS = 1000,
    WRITER_UNREAD_MS =
        5000, /* a reading that failed is news for so long; most are tried again within a second */
};

/* A mark: older dead letters of a record become stale. The job frees itself. */
struct outbox_overtaken {
    struct outbox_job job;
    uint64_t id;
    struct span model, record; /* point behind the struct */
};

struct writer {
    struct store *store; /* the thread's own */
    struct letter_filter filter;
    _Atomic uint64_t next_id;
    int event_fd; /* readable: something is finished */
    pthread_t thread;

    pthread_mutex_t mutex; /* guards: */
    pthread_cond_t wake;
    struct outbox_jobs waiting;
    struct outbox_jobs finished;
    uint64_t delivered; /* events that were never stored, to be counted */
    bool stopping;
    struct outbox_status status;

    /* the thread's own */
    struct outbox_jobs taken;
    uint64_t uncounted; /* of delivered */
    struct outbox_status now;
    int64_t tick_at_ms;
    unsigned marks_failed; /* in all; see writer_take_replays() */
    int64_t unread_ms;     /* when something could not be read last */
    struct outbox_job *batch[WRITER_BATCH_MAX];
    size_t batch_len;
    bool appended; /* some append of this batch went through */
};

/* All zero before. 0 or an -errno. */
int writer_init(struct writer *writer);
void writer_done(struct writer *writer);

/* 0, STORE_BROKEN or an -errno. On failure the store stays the caller's. */
int writer_start(struct writer *writer, struct store *store);

/* Tries all that waits and closes the store. What is finished then stays in writer->finished. */
void writer_stop(struct writer *writer);

/* Empties jobs into the queue. */
void writer_submit(struct writer *writer, struct outbox_jobs *jobs, uint64_t delivered);
bool writer_withdraw(struct writer *writer, struct outbox_job *job);

/* Moves what is finished to jobs. Returns whether there are replays to take up. */
bool writer_collect(struct writer *writer, struct outbox_jobs *jobs);
void writer_status(struct writer *writer, struct outbox_status *status);

/* ---- writer_work.c ---- */

/* Whether the job has dead letters marked as stale. */
bool writer_is_mark(const struct outbox_job *job);

/* What the thread does first: reads what the store has, and the records of dead letters. */
int writer_look(struct writer *writer);
void writer_load_filter(struct writer *writer);

/* Does all that was taken. Reports as it goes. */
void writer_work(struct writer *writer);

/* What a reading has come to, handed through. One that fails is a store that fails. */
int writer_read_ended(struct writer *writer, int r);

/* Once a second: has the store tended to, notices what others did, and tries whether a failing one
 * is well again. */
void writer_tick(struct writer *writer);

/* Hands the jobs before end (NULL: all) back, with the status as it is now. */
void writer_report(struct writer *writer, struct outbox_job *end);

/* For store_row_fn: row is a dead letter now. */
int writer_add_letter(void *writer, const struct store_row *row);

/* Brings the status up to date. */
void writer_count(struct writer *writer);

/* ---- writer_walk.c ---- */

/* One step, in a transaction of its own. */
void writer_walk(struct writer *writer, struct outbox_walk *walk);

/* ---- outbox_row.c ---- */

/* NULL when out of memory. */
struct outbox_row *outbox_row_copy(const struct store_row *row);
void outbox_rows_free(struct outbox_rows *rows);
