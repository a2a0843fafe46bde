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
    bool open;                   /* there is a transaction */
    int begun;                   /* how many transactions were begun */
    int committed;               /* how many of these were committed */
    int closed;                  /* how often the store was closed */
    size_t changes, changes_max; /* of the transaction at hand; the most in one transaction */
    int fail_read, fail_begin, fail_change, fail_commit; /* what such calls fail with; 0: none do */
    int fail_after; /* how many commits succeed before fail_commit counts */
    size_t
        fail_change_after; /* how many changes of a transaction succeed before fail_change does */
    void (*on_commit)(struct memory_store *store);
    int (*on_backup)(const struct store_backup *backup);
    struct store_ops journal_ops; /* of a store that was made a journal */
    int fail_adopt;
    uint64_t adopted;
};

/* Empties the store: no rows, no failures. */
void memory_store_reset(struct memory_store *self);
/* Makes the store a journal, which can be adopted. */
void memory_store_make_journal(struct memory_store *self);
/* A row whose id is the highest; its texts stay the caller's. */
void memory_store_add(struct memory_store *self, struct store_row row);
/* NULL: there is none. */
struct store_row *memory_store_find(struct memory_store *self, uint64_t id);
