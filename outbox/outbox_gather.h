/* SPDX-License-Identifier: MIT */
/* How long the patient jobs of a journal wait for others, so that a commit has many of them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct outbox_gather {
    int64_t flushed_ms; /* mono, as all times here; when jobs last went to the writer */
    int64_t since_ms;   /* when the count of appends began */
    int appends;        /* since then */
    int per_ms;         /* appends in a millisecond, of the count before */
};

/* Notes that jobs go to the writer. */
void outbox_gather_flushed(struct outbox_gather *gather, int64_t now_ms);

/* How long a job that comes now may wait. append: a sender waits for the job, which counts. */
int64_t outbox_gather_wait_ms(struct outbox_gather *gather, int64_t now_ms, bool append);
