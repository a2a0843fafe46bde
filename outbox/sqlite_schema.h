/* SPDX-License-Identifier: MIT */
/* The tables of the SQLite file, their versions, and the statements. */
#pragma once

#include "outbox/sqlite_core.h"

enum { SQLITE_SCHEMA_DAMAGED = 100 }; /* the file is damaged: an outcome beside those of store.h */

/* Runs a query for one number. SQLITE_OK; or an error, and *value stays. */
int sqlite_schema_number(sqlite3 *db, const char *sql, int64_t *value);

/*
 * Whether the file is one that this version may open. 0: an outbox, or an empty file;
 * STORE_REFUSED: it is not, and *text says why; SQLITE_SCHEMA_DAMAGED; or STORE_BROKEN.
 * may_migrate: older versions are welcome.
 */
int sqlite_schema_identify(sqlite3 *db, bool may_migrate, const char **text);

/* Brings the tables up to this version's. An SQLite result. */
int sqlite_schema_migrate(sqlite3 *db);

/* *sound: whether the trees are whole, the indexes agree with their tables, and the tables with
 * each other. An SQLite result. */
int sqlite_schema_check(sqlite3 *db, bool *sound);

/* Prepares all statements. An SQLite result. */
int sqlite_schema_prepare(struct sqlite_core *self);
