/* SPDX-License-Identifier: MIT */
/* Readings of the PostgreSQL store: the calls of struct store_ops that are named like these. */
#pragma once

#include "outbox/pg_core.h"

int pg_read_rows(struct store *store, const struct store_filter *filter, store_row_fn fn,
                 void *ctx);
int pg_read_id_mark(struct store *store, uint64_t *id);
