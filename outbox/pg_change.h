/* SPDX-License-Identifier: MIT */
/* Changes that are gathered until the commit: the calls of struct store_ops that are named like
 * these. */
#pragma once

#include "outbox/pg_core.h"

int pg_change_append(struct store *store, struct store_row *row);
int pg_change_deliver(struct store *store, const struct store_row *row, bool unstored);
int pg_change_count_delivered(struct store *store, struct span model, uint64_t n);
int pg_change_mark_stale(struct store *store, uint64_t id, struct span model, struct span record);
int pg_change_note_failure(struct store *store, const struct store_row *row);
int pg_change_bury(struct store *store, const struct store_row *row);
