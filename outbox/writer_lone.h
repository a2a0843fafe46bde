/* SPDX-License-Identifier: MIT */
/* Lone jobs of the writer: readings, walks and naming, which share no transaction with others. */
#pragma once

#include "outbox/writer_state.h"

/* Whether the job is a lone one; any other belongs into a batch (writer_batch.h). */
bool writer_lone_is(const struct outbox_job *job);

/* Does a lone job, which has its result then. */
void writer_lone_do(struct writer_state *state, struct outbox_job *job);
