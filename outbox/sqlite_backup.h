/* SPDX-License-Identifier: MIT */
/* Backups of the SQLite file, and what becomes of one that is put back. */
#pragma once

#include "outbox/sqlite_store.h"

int sqlite_backup(struct store *store, const struct store_backup *backup);

/* Where the file is a backup that was put in place: see struct store_ops. An SQLite result. */
int sqlite_backup_restore(struct sqlite_store *self);

/* Where from is a backup, to becomes one. An SQLite result. */
int sqlite_backup_copy_mark(sqlite3 *from, sqlite3 *to);
