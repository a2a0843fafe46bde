/* SPDX-License-Identifier: MIT */
/*
 * Tallies in the SQLite file: a row of counts for each named model, and one for all others; and the
 * mark of ids. A transaction gathers changes of both in struct sqlite_core, and writes them once,
 * at the end.
 */
#pragma once

#include "outbox/sqlite_core.h"

/* Reads which models have a row. In a transaction, which a failure spoils. 0, or a failure. */
int sqlite_tally_load(struct sqlite_core *self);
void sqlite_tally_done(struct sqlite_core *self);

/* The changes that the transaction at hand makes in the counts of a model. Valid until the next
 * model is named. */
struct sqlite_sums *sqlite_tally_of(struct sqlite_core *self, struct span model);

/* Forgets the changes of counts and mark. */
void sqlite_tally_forget(struct sqlite_core *self);

/* Writes the changes of counts and mark, and forgets them. 0; or a failure, which spoils the
 * transaction. */
int sqlite_tally_flush(struct sqlite_core *self);

/* ---- Calls of struct store_ops ---- */

int sqlite_tally_name(struct store *store, struct span model);
int sqlite_tally_set_id_mark(struct store *store, uint64_t id);
int sqlite_tally_read(struct store *store, store_tally_fn fn, void *ctx);
