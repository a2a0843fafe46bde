/* SPDX-License-Identifier: MIT */
/* Changes of the SQLite file: the calls of struct store_ops that are named like these. */
#pragma once

#include "outbox/store.h"

int sqlite_change_append(struct store *store, struct store_row *row);
int sqlite_change_deliver(struct store *store, const struct store_row *row, bool unstored);
int sqlite_change_count_delivered(struct store *store, struct span model, uint64_t n);
int sqlite_change_mark_stale(struct store *store, uint64_t id, struct span model,
                             struct span record);
int sqlite_change_note_failure(struct store *store, const struct store_row *row);
int sqlite_change_bury(struct store *store, const struct store_row *row);
int sqlite_change_offer(struct store *store, uint64_t id, bool force);
int sqlite_change_take_offer(struct store *store, uint64_t id, uint64_t *new_id, int64_t since_ms);
int sqlite_change_refuse(struct store *store, uint64_t id, struct span why);
int sqlite_change_refuse_model(struct store *store, struct span model, struct span why,
                               uint64_t rows_max, uint64_t *refused);
int sqlite_change_discard(struct store *store, uint64_t id);

/* *known: whether there is an event of that id, in any state. 0 or a failure of the store's. */
int sqlite_change_has(struct store *store, uint64_t id, bool *known);
