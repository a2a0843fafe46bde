/* SPDX-License-Identifier: MIT */
/*
 * A store in memory, for tests of what stands on the interface: rows in an array, transactions that
 * can be rolled back, and failures on request.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "outbox/store.h"

enum { MEMORY_STORE_ROWS = 4096 };

struct memory_rows {
    size_t len;
    struct store_row rows[MEMORY_STORE_ROWS]; /* by rising id */
};

struct memory_store {
    struct store store;
    struct memory_rows now, before; /* before: as of begin() */
    struct store_counts counts;
    bool open;     /* a transaction is */
    int begun;     /* how many were */
    int committed; /* and how many went through */
    int closed;
    size_t changes, changes_max;                         /* the most in one transaction */
    int fail_read, fail_begin, fail_change, fail_commit; /* what these end with; 0: nothing */
    int fail_after;           /* commits that are let through before that */
    size_t fail_change_after; /* changes in a transaction, likewise */
    void (*on_commit)(struct memory_store *store);
    int (*on_backup)(const struct store_backup *backup);
};

/* Empties it: no rows, no failures. */
void memory_store_reset(struct memory_store *self);
/* A row whose id is the highest; its texts stay the caller's. */
void memory_store_add(struct memory_store *self, struct store_row row);
/* NULL: there is none. */
struct store_row *memory_store_find(struct memory_store *self, uint64_t id);
