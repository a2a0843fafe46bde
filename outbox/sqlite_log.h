/* SPDX-License-Identifier: MIT */
/* The log (WAL) beside the SQLite file: how far it grows, and when it is folded in. */
#pragma once

#include "outbox/sqlite_store.h"

enum {
    SQLITE_PAGE_BYTES = 4096,
    SQLITE_QUOTA_PART = 8, /* of the quota, an eighth is for what frees room, too */
    SQLITE_LOG_RESERVE_PART =
        4, /* of the reserve, the log takes a quarter before it is folded in */
};

/* Measures the disk; sets how large the reserve is, and how far the log may grow before it is
 * folded in. An SQLite result. */
int sqlite_log_init(struct sqlite_store *self);

/* Has each commit of the connection looked at, which keeps where self is: again when that moves. */
void sqlite_log_watch(struct sqlite_store *self);

/* Gives the log its room on disk ahead of need, where the file system can. */
void sqlite_log_claim(const struct sqlite_store *self);

/* Folds the log into the file as far as readers let it. Not inside a transaction. */
void sqlite_log_fold(struct sqlite_store *self);

/* What a reader keeps in the log beyond what may be there anyhow. */
int64_t sqlite_log_pinned_bytes(const struct sqlite_store *self);
