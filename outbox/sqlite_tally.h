/* SPDX-License-Identifier: MIT */
/*
 * How many events there are, and were: a row for each model that was named, and one for all others.
 * A transaction gathers what it changes in them, and writes that once.
 */
#pragma once

#include "outbox/sqlite_store.h"

/* Reads which models have a row. In a transaction, which it spoils where it fails. */
int sqlite_tally_load(struct sqlite_store *self);
void sqlite_tally_done(struct sqlite_store *self);

/* What the transaction at hand changes in the counts of a model; good until the next model is
 * named. */
struct sqlite_sums *sqlite_tally_of(struct sqlite_store *self, struct span model);

/* Forgets, or writes, what the transaction at hand has changed so far. */
void sqlite_tally_forget(struct sqlite_store *self);
int sqlite_tally_flush(struct sqlite_store *self);

/* ---- struct store_ops ---- */

int sqlite_tally_name(struct store *store, struct span model);
int sqlite_tally_set_last_id(struct store *store, uint64_t id);
int sqlite_tally_read(struct store *store, store_tally_fn fn, void *ctx);
