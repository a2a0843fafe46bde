/* SPDX-License-Identifier: MIT */
/* Batches: jobs of the writer that share a transaction. */
#pragma once

#include "outbox/writer_state.h"

enum { WRITER_BATCH_MAX = 4096 };

struct writer_batch {
    struct outbox_job *jobs[WRITER_BATCH_MAX];
    size_t len;
    size_t bytes;  /* of bodies */
    bool in_doubt; /* the jobs are one transaction, which may be committed or not: the store went
                      away at its commit */
    bool appended; /* while in doubt: the transaction stores a new event */
};

/* Adds a job. False: the batch has no room for it. */
bool writer_batch_add(struct writer_batch *batch, struct outbox_job *job);

/*
 * Does all jobs, and has unstored events counted. Returns the first job that has no result; NULL:
 * all have theirs. A job has none where the store is away: no job from there on is done, but for
 * those of a transaction that is in doubt. Unless in doubt, the batch is empty.
 */
struct outbox_job *writer_batch_commit(struct writer_batch *batch, struct writer_state *state);

/* The store is back, and knows what became of the transaction in doubt, if one is. committed: each
 * of its jobs has its result; otherwise none is done. The batch is empty. */
void writer_batch_resolve(struct writer_batch *batch, struct writer_state *state, bool committed);
