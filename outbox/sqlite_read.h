/* SPDX-License-Identifier: MIT */
/* Readings of the SQLite file: the calls of struct store_ops that are named like these. */
#pragma once

#include "outbox/store.h"

int sqlite_read_rows(struct store *store, const struct store_filter *filter, store_row_fn fn,
                     void *ctx);
int sqlite_read_next_offered_model(struct store *store, struct span after, struct buf *model);
int sqlite_read_counts(struct store *store, struct store_counts *counts);
int sqlite_read_id_mark(struct store *store, uint64_t *id);
int sqlite_read_changed(struct store *store, bool *changed);
