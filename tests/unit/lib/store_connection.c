/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/store_connection.h"

#include "outbox/sqlite_core.h"
#include "outbox/sqlite_schema.h"

void store_pragma(struct store *store, const char *pragma)
{
    assert_int_equal(sqlite3_exec(sqlite_core_of(store)->db, pragma, NULL, NULL, NULL), SQLITE_OK);
}

struct store_cost store_cost(struct store *store)
{
    sqlite3 *db = sqlite_core_of(store)->db;
    struct store_cost cost = {0};
    sqlite3_stmt *at = NULL;

    while ((at = sqlite3_next_stmt(db, at)) != NULL) {
        cost.steps += sqlite3_stmt_status(at, SQLITE_STMTSTATUS_VM_STEP, 1);
        cost.scan_steps += sqlite3_stmt_status(at, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
    }
    return cost;
}

int store_find_full(struct store *store)
{
    return sqlite_core_outcome(sqlite_core_of(store), SQLITE_FULL);
}

bool folder_is_sound(const struct folder *folder)
{
    sqlite3 *db = NULL;
    bool sound = false;

    assert_int_equal(sqlite3_open(folder->path, &db), SQLITE_OK);
    assert_int_equal(sqlite_schema_check(db, &sound), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return sound;
}
