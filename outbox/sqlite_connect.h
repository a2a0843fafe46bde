/* SPDX-License-Identifier: MIT */
/* The connection to the SQLite file, and the memory of the store around it. */
#pragma once

#include "outbox/sqlite_core.h"

/* A store without a connection and without store.ops. NULL: out of memory. */
struct sqlite_core *sqlite_connect_new(void);

/* Closes whatever is open, and frees the store. Takes NULL, and returns NULL. */
struct store *sqlite_connect_free(struct store *store);
CLEANUP_POINTER(struct store, sqlite_connect_free);

/* Runs statements without parameters. An SQLite result, as of the two below. */
int sqlite_connect_exec(struct sqlite_core *self, const char *sql);

/* Opens the file at self->path, which must be there. */
int sqlite_connect_file(struct sqlite_core *self);

/* Sets journal mode, durability and the like for that mode. */
int sqlite_connect_settings(struct sqlite_core *self, enum store_mode mode);

/* Closes the connection alone: the store still holds its locks. */
void sqlite_connect_close(struct sqlite_core *self);

/* Opens the empty file at path for the rows that are saved from a damaged one. Nothing in the new
 * file is durable until the store is closed. 0, or an outcome of sqlite_core_outcome(). */
int sqlite_connect_for_salvage(const char *path, struct store **store);
