/* SPDX-License-Identifier: MIT */
/* Backups of the SQLite file: making one, and opening one that was put in place. */
#pragma once

#include "outbox/sqlite_core.h"

/* backup() of struct store_ops. */
int sqlite_backup(struct store *store, const struct store_backup *backup);

/* If the open file is a backup: buries all pending events, and makes the file an outbox. An SQLite
 * result. */
int sqlite_backup_restore(struct sqlite_core *self);

/* Marks to as a backup where from is one. An SQLite result. */
int sqlite_backup_copy_mark(sqlite3 *from, sqlite3 *to);
