/* SPDX-License-Identifier: MIT */
/* Letters and offers of the PostgreSQL store: the calls of struct store_ops that are named like
 * these. */
#pragma once

#include "outbox/pg_core.h"

int pg_offer_offer(struct store *store, uint64_t id, bool force);
int pg_offer_take(struct store *store, uint64_t id, uint64_t *new_id, int64_t since_ms);
int pg_offer_refuse(struct store *store, uint64_t id, struct span why);
int pg_offer_refuse_model(struct store *store, struct span model, struct span why,
                          uint64_t rows_max, uint64_t *refused);
int pg_offer_discard(struct store *store, uint64_t id);
int pg_offer_next_model(struct store *store, struct span after, struct buf *model);
