/* SPDX-License-Identifier: MIT */
/* Transactions of the SQLite file. */
#pragma once

#include "outbox/sqlite_core.h"

/* begin(), commit() and rollback() of struct store_ops. */
int sqlite_transact_begin(struct store *store);
int sqlite_transact_commit(struct store *store);
void sqlite_transact_rollback(struct store *store);

/* Whether the files are where a start would look for them. 0, or an outcome of
 * sqlite_core_outcome(). */
int sqlite_transact_find(struct sqlite_core *self);
