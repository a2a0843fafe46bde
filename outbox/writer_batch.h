/* SPDX-License-Identifier: MIT */
/* Batches: jobs of the writer that share a transaction. */
#pragma once

#include "outbox/writer_state.h"

enum { WRITER_BATCH_MAX = 4096 };

struct writer_batch {
    struct outbox_job *jobs[WRITER_BATCH_MAX];
    size_t len;
    size_t bytes; /* of bodies */
};

/* Adds a job. False: the batch has no room for it. */
bool writer_batch_add(struct writer_batch *batch, struct outbox_job *job);

/* Does all jobs, and has unstored events counted. Each job has its result then, and the batch is
 * empty. */
void writer_batch_commit(struct writer_batch *batch, struct writer_state *state);
