/* SPDX-License-Identifier: MIT */
/* Lone jobs: those of the writer that share no transaction: readings, walks, naming. */
#pragma once

#include "outbox/writer_state.h"

/* Whether the job shares no transaction with others. */
bool writer_read_is_alone(const struct outbox_job *job);

/* Does a lone job, which has its result then. */
void writer_read(struct writer_state *state, struct outbox_job *job);
