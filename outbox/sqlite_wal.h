/* SPDX-License-Identifier: MIT */
/* The WAL beside the SQLite file: how far it may grow, and when the file takes the WAL in. */
#pragma once

#include "outbox/sqlite_core.h"

enum {
    SQLITE_PAGE_BYTES = 4096,
    SQLITE_QUOTA_PART = 8,       /* an eighth of the quota is kept for changes that free room */
    SQLITE_WAL_RESERVE_PART = 4, /* the WAL is folded in once it has a quarter of the reserve */
};

/* Sets the size of the reserve by that of the disk, and limits the WAL. An SQLite result. */
int sqlite_wal_init(struct sqlite_core *self);

/* Has each commit of the connection checked for a WAL that is to be folded in. The connection keeps
 * the address of self: to be called again when self has moved. */
void sqlite_wal_watch(struct sqlite_core *self);

/* Gives the WAL its blocks on disk ahead of need, where the file system can. */
void sqlite_wal_claim(const struct sqlite_core *self);

/* Folds the WAL into the file as far as readers allow. Not inside a transaction. */
void sqlite_wal_fold(struct sqlite_core *self);

/* How many bytes of the WAL a reader pins, beyond what the WAL may hold anyhow. */
int64_t sqlite_wal_pinned_bytes(const struct sqlite_core *self);
