/* SPDX-License-Identifier: MIT */
/* Transactions of the PostgreSQL store: the calls of struct store_ops that are named like these. */
#pragma once

#include "outbox/pg_core.h"

int pg_transact_begin(struct store *store);
int pg_transact_commit(struct store *store);
void pg_transact_rollback(struct store *store);

/* The transaction at hand turned out to be committed. */
void pg_transact_committed(struct pg_core *self);
