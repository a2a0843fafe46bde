/* SPDX-License-Identifier: MIT */
/* For tests of damaged files: a store whose rows a test knows by id, and ways to damage the
 * file. */
#pragma once

#include "tests/unit/lib/store_world.h"

#include "outbox/outbox_ids.h"

enum { ROWS = 600, PAGE = 4096, UNCHECKED_BYTES = 65 << 20 };

/* ---- A store with known rows ---- */

/* The row of that id as fill() stored it; the texts last until the next call. */
struct store_row known_row(uint64_t id);
/* A new store that holds ROWS known rows, two of which are offered. */
struct store *fill(struct folder *folder);

struct found {
    size_t whole;   /* rows as they were stored */
    size_t letters; /* bodies whose rest was lost */
    size_t torn;    /* rows with other bytes in their bodies, which no checksum guards */
};

/* What is left of the known rows. A row that fill() cannot have stored fails the test. */
struct found find_all(struct store *store);

/* The store takes an event, and has it delivered. */
void assert_works(struct store *store);

/* ---- Damaging the file ---- */

/* Overwrites len bytes of the file. with: the byte that is written over and over; negative: random
 * bytes. */
void overwrite(const struct folder *folder, int64_t at, size_t len, int with);
void cut(const struct folder *folder, int64_t bytes);
int64_t size_of(const struct folder *folder);

/* Where a page begins. query: gives the page's number; ?1 in it is the name. */
int64_t page_by(const struct folder *folder, const char *query, const char *name);
/* The page that a table's or index's tree begins with. */
int64_t root_of(const struct folder *folder, const char *name);

/* A store_row_fn that counts rows into a size_t. */
int count_row(void *ctx, const struct store_row *row);

/* ---- Damage that no start has looked for ---- */

/* How many files were set aside; some have a log (WAL), by the name .damaged-<time>[-<n>]-wal. */
int damaged_files(const struct folder *folder);
void lose_a_body(const struct folder *folder);

/* An open store whose file damage() has hit, and which is too large to be checked at a start. */
struct store *open_damaged(struct folder *folder, void (*damage)(const struct folder *folder));

/* Reads the pending rows of the model of known rows, as the relay does. The reading's outcome. */
int read_pending(struct store *store);
