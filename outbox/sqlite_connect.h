/* SPDX-License-Identifier: MIT */
/* The connection to the SQLite file, and the store around it. */
#pragma once

#include "outbox/sqlite_store.h"

/* Without a connection, and any operations. NULL when out of memory. */
struct sqlite_store *sqlite_connect_new(void);

/* Closes whatever of it is open. Takes NULL. */
struct store *sqlite_connect_free(struct store *store);
CLEANUP_POINTER(struct store, sqlite_connect_free);

/* SQLite results. */
int sqlite_connect_exec(struct sqlite_store *self, const char *sql);
int sqlite_connect_file(struct sqlite_store *self);
int sqlite_connect_settings(struct sqlite_store *self, enum store_mode mode);

/* The connection alone: the file is still this store's. */
void sqlite_connect_close(struct sqlite_store *self);

/* Opens path, which must be there, for saving rows into it from a damaged one: not durable until
 * it is closed. 0, or as sqlite_store_outcome(). */
int sqlite_connect_saved(const char *path, struct store **store);
