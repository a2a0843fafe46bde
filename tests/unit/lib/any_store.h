/* SPDX-License-Identifier: MIT */
/* For tests of what every store promises, whatever it is made of. */
#pragma once

#include "tests/unit/lib/store_world.h"

/* Whether the kind that is tested is PostgreSQL: where CONVEX_RELAY_TEST_STORE says so. */
bool any_store_is_journal(void);

/* Opens the kind of store that is tested. A store of PostgreSQL has a schema in the place of the
 * folder's file. */
struct store *any_store_open(struct folder *folder);
struct store *any_store_open_beside(struct folder *folder);

/* What a change returns whose row is not there, where the store puts off its changes. */
int any_store_missing(void);

/* The state of a test. */
struct any_store {
    struct folder folder;
    struct store *store;
};

int any_store_setup(void **state);
int any_store_teardown(void **state);

/* Runs tests, and returns what main() is to return. The last so many of them are not about
 * journals. */
int any_store_run(const struct CMUnitTest *tests, size_t len, size_t not_of_journals);
/* Closes the store and opens it again: what is on disk. */
struct store *any_store_reopen(struct any_store *world);

#define any_store_test(test)                                                                       \
    cmocka_unit_test_setup_teardown(test, any_store_setup, any_store_teardown)

/* Lets all rows through. */
extern const struct store_filter everything;

/* The store holds this row, and no other. */
void assert_only_row(struct store *store, struct store_row should);
