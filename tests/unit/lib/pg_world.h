/* SPDX-License-Identifier: MIT */
/* For tests of what is PostgreSQL's alone: a schema of the test's own. */
#pragma once

#include "outbox/store_pg.h"
#include "tests/unit/lib/pg_cluster.h"
#include "tests/unit/lib/store_world.h"

struct pg_world {
    struct store_options options; /* of the next opening; a test may change them */
    char schema[32];
    char why[1024]; /* of the last opening that failed */
    struct store *store;
};

int pg_world_setup(void **state);
/* Closes the store, if there is one, and removes the schema. */
int pg_world_teardown(void **state);

#define pg_world_test(test) cmocka_unit_test_setup_teardown(test, pg_world_setup, pg_world_teardown)

/* Opens a store with the options at hand, as store_pg_open(). */
int pg_world_try(struct pg_world *world, enum store_mode mode, struct store **store);
/* The same, or the test fails; STORE_SERVE becomes world->store. */
struct store *pg_world_open(struct pg_world *world, enum store_mode mode);
/* Cannot be opened with r, for a reason that holds text and no line's end. */
void pg_world_refused(struct pg_world *world, int r, const char *text);

/* Runs SQL as the superuser, with the schema's name for each "@". Returns the first value. */
const char *pg_world_sql(struct pg_world *world, const char *sql);

/* Appends a row, to which the store gives its id. */
uint64_t pg_world_append(struct store *store, const char *record);

/* Has the store resumed, however often that takes. Returns whether its last transaction is
 * committed. */
bool pg_world_resumed(struct store *store);
