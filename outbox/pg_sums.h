/* SPDX-License-Identifier: MIT */
/* The counts that the PostgreSQL store keeps in memory, and what a transaction changes in them. */
#pragma once

#include "outbox/pg_core.h"

/* Reads the counts that a row of a result has from PG_COLUMN_DELIVERED on. */
struct pg_sums pg_sums_read(const PGresult *result, int row);

void pg_sums_add(struct pg_sums *to, const struct pg_sums *sums);

/* Of all models together. */
int64_t pg_sums_bytes(const struct pg_core *self);

/* Adds to the changes of a model, by its number. */
void pg_sums_change(struct pg_core *self, int64_t number, const struct pg_sums *sums);

/* Makes the changes of the transaction at hand so, or forgets them. */
void pg_sums_keep(struct pg_core *self);
void pg_sums_forget(struct pg_core *self);

/* Whether the quota has room for an event, and takes that room within the transaction. */
bool pg_sums_have_room(const struct pg_core *self, int64_t bytes);
void pg_sums_take_room(struct pg_core *self, int64_t bytes);
