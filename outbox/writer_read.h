/* SPDX-License-Identifier: MIT */
/* Jobs of the outbox's thread that share no transaction with others: readings, walks, naming. */
#pragma once

#include "outbox/writer_state.h"

bool writer_read_is_alone(const struct outbox_job *job);
void writer_read(struct writer_state *state, struct outbox_job *job);
