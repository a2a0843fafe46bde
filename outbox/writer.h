/* SPDX-License-Identifier: MIT */
/* The outbox's thread, which alone speaks to the store: what outbox.c sees of it. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "outbox/writer_batch.h"
#include "outbox/writer_state.h"

enum { WRITER_TICK_MS = 1000 };

struct writer {
    struct letter_filter filter;
    struct outbox_unstored unstored;
    _Atomic uint64_t mark; /* see struct writer_state */
    int event_fd;          /* readable: something is finished */
    pthread_t thread;

    pthread_mutex_t mutex; /* guards: */
    pthread_cond_t wake;
    struct outbox_jobs waiting;
    struct outbox_jobs finished;
    uint64_t last_id; /* that the loop has given */
    bool stopping;
    bool news; /* there may be offers that the loop was not told of */
    struct outbox_status status;
    struct outbox_tallies tallies;

    /* the thread's own */
    struct outbox_jobs taken;
    int64_t tick_at_ms;
    struct writer_state state;
    struct writer_batch batch;
};

/* All zero before. 0 or an -errno. */
int writer_init(struct writer *writer);
void writer_done(struct writer *writer);

/* 0, STORE_BROKEN or an -errno. On failure the store stays the caller's. */
int writer_start(struct writer *writer, struct store *store);

/* Tries all that waits and closes the store. What is finished then stays in writer->finished. */
void writer_stop(struct writer *writer);

/* What the thread does with all that it has taken, and reports as it goes. */
void writer_work(struct writer *writer);

/* Empties jobs into the queue, and tells of the last id that was given. */
void writer_submit(struct writer *writer, struct outbox_jobs *jobs, uint64_t last_id);
bool writer_withdraw(struct writer *writer, struct outbox_job *job);

/* Moves what is finished to jobs. Returns whether there may be new offers. */
bool writer_collect(struct writer *writer, struct outbox_jobs *jobs);
void writer_status(struct writer *writer, struct outbox_status *status);

/* A copy, with what was never stored and is not in them yet. 0 or -ENOMEM. */
int writer_tallies(struct writer *writer, struct outbox_tallies *tallies);
