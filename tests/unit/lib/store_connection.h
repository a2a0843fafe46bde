/* SPDX-License-Identifier: MIT */
/*
 * The connection that a store has open: what no other connection to the same file can set or tell.
 * Nothing else of tests/ looks behind struct store. For changes of the file there is run_sql().
 */
#pragma once

#include "tests/unit/lib/store_world.h"

/* Runs a PRAGMA for the store's connection alone, as PRAGMA cache_size; "": none. */
void store_pragma(struct store *store, const char *pragma);

/* What the store's statements have cost since the call before. */
struct store_cost {
    int64_t steps;      /* of SQLite's virtual machine */
    int64_t scan_steps; /* steps that went through a table without an index */
};
struct store_cost store_cost(struct store *store);

/* As if SQLite had just found the disk full between two transactions: no real disk fails there at a
 * test's wish. Returns the outcome. */
int store_find_full(struct store *store);

/* Whether the file is whole: trees, indexes, and what the tables say of each other. */
bool folder_is_sound(const struct folder *folder);
