/* SPDX-License-Identifier: MIT */
/* Jobs of the outbox's thread that share a transaction. */
#pragma once

#include "outbox/writer_state.h"

enum { WRITER_BATCH_MAX = 4096 };

struct writer_batch {
    struct outbox_job *jobs[WRITER_BATCH_MAX];
    size_t len;
    size_t bytes; /* of bodies */
};

/* False: it is full, for a job of that kind. */
bool writer_batch_add(struct writer_batch *batch, struct outbox_job *job);

/* Does them, and counts what was never stored. Each job has its result then; the batch is empty. */
void writer_batch_commit(struct writer_batch *batch, struct writer_state *state);
