/* SPDX-License-Identifier: MIT */
/* The writer: the outbox's thread, which alone uses the store, as outbox.c sees it. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "outbox/writer_away.h"
#include "outbox/writer_batch.h"
#include "outbox/writer_state.h"

enum { WRITER_TICK_MS = 1000 }; /* between two calls of writer_state_tick() */

struct writer {
    struct letter_filter filter;
    struct outbox_unstored unstored;
    _Atomic uint64_t mark; /* of struct writer_state */
    int event_fd;          /* writer_event_fd() */
    pthread_t thread;

    pthread_mutex_t mutex; /* guards the fields from here to tallies */
    pthread_cond_t wake;
    struct outbox_jobs waiting;  /* submitted, and not taken by the writer */
    struct outbox_jobs finished; /* tried, and not collected by the loop */
    uint64_t last_id;            /* the last id that the loop has given */
    bool stopping;
    bool news; /* there may be offers that the loop does not know of */
    struct outbox_status status;
    struct outbox_tallies tallies;

    /* The thread's own. */
    struct outbox_jobs taken; /* taken from waiting, and not finished; while the store is away:
                                 those in doubt */
    struct writer_away away;
    int64_t tick_at_ms; /* mono; when the next tick is due */
    struct writer_state state;
    struct writer_batch batch;
};

/* writer must be all zero. 0 or an -errno. */
int writer_init(struct writer *writer);
void writer_done(struct writer *writer);

/* Has the writer use the store, which may be away, and stays the caller's. 0; or STORE_BROKEN or an
 * -errno. */
int writer_open(struct writer *writer, struct store *store);

/* As writer_open(), and starts the thread, which takes over the store. On a failure the store stays
 * the caller's. */
int writer_start(struct writer *writer, struct store *store);

/* Has all jobs that wait tried, unless the store is away, closes the store, and ends the thread.
 * The jobs can be collected. */
void writer_stop(struct writer *writer);

/* ---- What the thread does over and over; without a thread the caller does ---- */

/* Does all jobs that wait, unless the store goes away, and reports. */
void writer_turn(struct writer *writer);

/* Once a second, and before the first turn: see writer_state_tick(). */
void writer_tick(struct writer *writer);

/* ---- What the loop does ---- */

/* Readable: jobs can be collected, or there is news. */
int writer_event_fd(const struct writer *writer);

/* The record will have a letter. */
void writer_expect_letter(struct writer *writer, struct span model, struct span record);

/* Whether the record may have letters, stored or expected; false is certain. */
bool writer_may_have_letters(const struct writer *writer, struct span model, struct span record);

/* One more event was delivered before its row was stored. The next jobs that are submitted have the
 * store count that event. 0; or -ENOMEM, and the event does not count. */
int writer_count_unstored(struct writer *writer, struct span model);

/* The mark that is stored (outbox_ids.h). */
uint64_t writer_mark(const struct writer *writer);

/* Moves jobs to the queue. last_id: the last id that was given. */
void writer_submit(struct writer *writer, struct outbox_jobs *jobs, uint64_t last_id);

/* Takes a job out of the queue again. False: the writer has taken it, and tries it no more than
 * this once. */
bool writer_withdraw(struct writer *writer, struct outbox_job *job);

/* Moves finished jobs to jobs. True: there may be new offers. */
bool writer_collect(struct writer *writer, struct outbox_jobs *jobs);

/* A copy of the status that was reported last. */
void writer_status(struct writer *writer, struct outbox_status *status);

/* A copy of the tallies, with the unstored events that are not in them yet. 0 or -ENOMEM. */
int writer_tallies(struct writer *writer, struct outbox_tallies *tallies);
