/* SPDX-License-Identifier: MIT */
/* For tests of stores: a folder that goes away, and rows made of a few texts. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/unit/lib/rows.h"

#include "outbox/store_sqlite.h"

/* A folder of its own for each test. */
struct folder {
    char at[64];
    char path[96]; /* of the store in it */
    struct buf why;
};

/* Makes a folder that is empty, in /tmp or elsewhere. */
void folder_make(struct folder *folder);
void folder_make_in(struct folder *folder, const char *parent);
/* Removes the folder, with everything inside. */
void folder_empty(struct folder *folder);

/* Fixtures of a test whose state is a folder. */
int folder_setup(void **state);
int folder_teardown(void **state);

/* The name of what stands beside the store, as "-wal", until the next call; "": the store's own. */
const char *folder_beside(const struct folder *folder, const char *suffix);
/* Makes a file of that name, or what it holds anew. */
void folder_write(const struct folder *folder, const char *suffix, const char *text);
/* How many files in it have a name that holds part. */
int folder_count(const struct folder *folder, const char *part);
/* Runs SQL as another program does, which makes the file where there is none. */
void run_sql(const struct folder *folder, const char *sql);

/* Lets an hour pass for all open stores, so that pauses between mendings are over. */
void store_clock_leap(void);

/* Opens the store, as store_sqlite_open(); the reason of a refusal is in the folder's why. */
int folder_try_open(struct folder *folder, enum store_mode mode, struct store **store);
/* Opens the store, or the test fails. */
struct store *folder_open(struct folder *folder, enum store_mode mode);

/* The store cannot be opened, for a reason that holds text: STORE_REFUSED, and STORE_BUSY. */
void assert_refused(struct folder *folder, enum store_mode mode, const char *text);
void assert_put_off(struct folder *folder, enum store_mode mode, const char *text);

/* ---- Rows ---- */

/* A pending row: model users, record r1. */
struct store_row row_of(uint64_t id);
/* The row for note_failure(). */
struct store_row tried(uint64_t id, int attempts, const char *reason);
/* The row for bury(). */
struct store_row died(uint64_t id, const char *reason);

/* ---- Changes: each must work; all but the first two are transactions of their own ---- */

void must_begin(struct store *store);
void must_commit(struct store *store);
void must_append(struct store *store, struct store_row row);
void must_bury(struct store *store, struct store_row row);
/* Delivers the event, which is there, with the record of its row. */
void must_deliver(struct store *store, uint64_t id);

/* ---- What is in the store ---- */

/* The counts of the store, whose sum must hold. */
struct store_counts counts_of(struct store *store);

struct id_list {
    uint64_t at[64];
    size_t len;
    size_t stop_after; /* 0: never */
};

/* A store_row_fn that lists ids, and returns 77 at the last that is wanted. */
int id_list_add(void *ctx, const struct store_row *row);

/* The ids that a filter lets through, or those in a state, as text: "1 2 3". */
const char *ids_of(struct store *store, struct store_filter filter);
const char *ids_in(struct store *store, enum store_state state);
