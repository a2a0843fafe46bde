/* SPDX-License-Identifier: MIT */
/*
 * Counts of the PostgreSQL store. A store that serves keeps them in memory: as of its last commit,
 * and of the last look at what others have committed.
 */
#pragma once

#include "outbox/pg_core.h"

/* Reads all counts anew. In no transaction. 0 or a failure. */
int pg_tally_load(struct pg_core *self);
void pg_tally_done(struct pg_core *self);

/* ---- Calls of struct store_ops ---- */

int pg_tally_name(struct store *store, struct span model);
int pg_tally_tallies(struct store *store, store_tally_fn fn, void *ctx);
int pg_tally_counts(struct store *store, struct store_counts *counts);
int pg_tally_changed(struct store *store, bool *changed);
