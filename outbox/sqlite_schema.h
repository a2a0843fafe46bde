/* SPDX-License-Identifier: MIT */
/* The tables of the SQLite file, their versions, and the statements. */
#pragma once

#include "outbox/sqlite_store.h"

enum { SQLITE_SCHEMA_DAMAGED = 100 }; /* beyond the outcomes of store.h */

/* The first column of what a query gives. SQLITE_OK, or an error and *value is untouched. */
int sqlite_schema_number(sqlite3 *db, const char *sql, int64_t *value);

/*
 * Whose file it is. 0: ours, or nobody's yet; SQLITE_SCHEMA_DAMAGED; STORE_REFUSED and *text says
 * why; STORE_BROKEN.
 */
int sqlite_schema_identify(sqlite3 *db, bool may_migrate, const char **text);

/* Brings the tables up to this version's. An SQLite result. */
int sqlite_schema_migrate(sqlite3 *db);

/* Whether the file is sound: each tree, each index beside its table, and the tables beside each
 * other. An SQLite result. */
int sqlite_schema_check(sqlite3 *db, bool *sound);

/* Prepares all statements. An SQLite result. */
int sqlite_schema_prepare(struct sqlite_store *self);
