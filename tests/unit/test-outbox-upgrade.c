/* SPDX-License-Identifier: MIT */
/*
 * Files of version 1 of the tables, which 0.1.0 made: what comes of rows, counts and damage, and
 * that power may be cut at any write meanwhile. A file that 0.1.0 itself has written is in
 * tests/fixtures.
 */
#include "tests/unit/lib/damage_world.h"
#include "tests/unit/lib/fault_vfs.h"

#include "base/log.h"

#define EARLY (UINT64_C(1) << 49)
#define LARGE "zeroblob(3000000)"

/* As 0.1.0 made them (outbox/sqlite_schema.c there). */
static const char early_tables[] =
    "PRAGMA page_size = 4096;"
    "CREATE TABLE event (id INTEGER PRIMARY KEY, state INTEGER NOT NULL, stale INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL, arrived_ms INTEGER NOT NULL, tried_ms INTEGER NOT NULL,"
    " died_ms INTEGER NOT NULL, model BLOB, record BLOB, reason BLOB) STRICT;"
    "CREATE TABLE body (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;"
    "CREATE TABLE tally (only INTEGER PRIMARY KEY CHECK (only = 1), accepted INTEGER NOT NULL,"
    " delivered INTEGER NOT NULL, discarded INTEGER NOT NULL, pending INTEGER NOT NULL,"
    " dead INTEGER NOT NULL, last_id INTEGER NOT NULL, commits INTEGER NOT NULL,"
    " CHECK (accepted = delivered + discarded + pending + dead)) STRICT;"
    "CREATE INDEX event_pending ON event (model) WHERE state = 0;"
    "CREATE INDEX event_waiting ON event (arrived_ms) WHERE state <> 1;"
    "CREATE INDEX event_apart ON event (state) WHERE state > 0;"
    "CREATE INDEX event_record ON event (model, record) WHERE state > 0;"
    "PRAGMA application_id = 0x43767852; PRAGMA user_version = 1;";

/* id, state, stale, attempts, arrived_ms, tried_ms, died_ms, model, record, reason */
static const char early_rows[] =
    "INSERT INTO event VALUES (1, 1, 1, 2, 1001, 5, 6, x'7573657273', x'7231', x'6e6f');" /* r1 */
    "INSERT INTO event VALUES (2, 0, 0, 3, 1002, 5, 0, x'7573657273', x'7232', x'78');"   /* r2 */
    "INSERT INTO event VALUES (3, 1, 0, 1, 1003, 5, 6, x'7573657273', x'7232', x'6e6f');"
    "INSERT INTO event VALUES (4, 2, 0, 1, 1004, 5, 6, x'7573657273', x'7233', x'6e6f');" /* r3 */
    "INSERT INTO event VALUES (5, 3, 0, 1, 1005, 5, 6, x'706f737473', x'7233', x'6e6f');" /* posts
                                                                                           */
    "INSERT INTO event VALUES (6, 1, 0, 1, 1006, 0, 6, x'706f737473', NULL, x'6e6f');"
    "INSERT INTO event VALUES (7, 1, 0, 1, 1007, 0, 6, NULL, x'7231', x'6e6f');"
    "INSERT INTO event VALUES (8, 0, 0, 0, 1008, 0, 0, x'7573657273', x'7232', NULL);"
    "INSERT INTO event VALUES (9, 0, 0, 0, 1009, 0, 0, x'6f74686572', x'7232', NULL);" /* other */
    "INSERT INTO body SELECT id, iif(id = 4, " LARGE ", CAST('body of ' || id AS BLOB)) FROM event;"
    "INSERT INTO tally VALUES (1, 30, 20, 1, 5, 4, 11, 99);";

static const struct store_filter all = {.last = STORE_FORCED};

static void make_early(struct folder *folder)
{
    folder_make_in(folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    run_sql(folder, early_tables);
    run_sql(folder, early_rows);
    assert_int_equal(chmod(folder->path, 0600), 0);
}

struct told {
    char text[1024];
    size_t len;
};

static int tell_row(void *ctx, const struct store_row *row)
{
    struct told *told = ctx;

    assert_true(row->id > EARLY);
    assert_int_equal(row->since_ms, row->arrived_ms);
    told->len += (size_t)snprintf(
        told->text + told->len, sizeof(told->text) - told->len, "%llu %d%s %.*s %.*s %.*s %zu;",
        (unsigned long long)(row->id - EARLY), row->state, row->stale ? "!" : "",
        (int)row->model.len, row->model.at ? row->model.at : "", (int)row->record.len,
        row->record.at ? row->record.at : "", (int)row->reason.len,
        row->reason.at ? row->reason.at : "", row->body.len);
    return 0;
}

static int tell_tally(void *ctx, struct span model, const struct store_tally *tally)
{
    struct told *told = ctx;

    told->len += (size_t)snprintf(told->text + told->len, sizeof(told->text) - told->len,
                                  "%.*s %d %d %d %d;", (int)model.len, model.at ? model.at : "",
                                  (int)tally->delivered, (int)tally->discarded, (int)tally->pending,
                                  (int)tally->dead);
    return 0;
}

static void assert_rows(struct store *store, const char *rows)
{
    struct told told = {0};

    assert_int_equal(store->ops->read(store, &all, tell_row, &told), 0);
    assert_string_equal(told.text, rows);
}

static void assert_tallies(struct store *store, const char *tallies)
{
    struct told told = {0};

    assert_int_equal(store->ops->tallies(store, tell_tally, &told), 0);
    assert_string_equal(told.text, tallies);
}

static void assert_upgraded(struct store *store)
{
    uint64_t last_id;

    assert_rows(store, "1 1! users r1 no 9;2 0 users r2 x 9;3 1 users r2 no 9;"
                       "4 2 users r3 no 3000000;5 3 posts r3 no 9;6 1 posts  no 9;7 1  r1 no 9;"
                       "8 0 users r2  9;9 0 other r2  9;");
    /* posts had no route: what is pending of them is offered. other counts with all others. */
    assert_tallies(store, " 20 1 2 2;users 0 0 3 2;");
    assert_int_equal(store->ops->id_mark(store, &last_id), 0);
    assert_int_equal(last_id, EARLY + 11);
    assert_int_equal(counts_of(store).oldest_ms, 1002);
}

static void rows_and_counts_are_kept(void **state)
{
    struct folder folder;

    (void)state;
    make_early(&folder);
    struct store *store = folder_open(&folder, STORE_SERVE);
    assert_upgraded(store);
    store->ops->close(store);
    store = folder_open(&folder, STORE_SERVE); /* which looks it over, too */
    assert_upgraded(store);
    assert_int_equal(damaged_files(&folder), 0);
    store->ops->close(store);
    folder_empty(&folder);
}

/* The bodies stand under other ids than the events. */
static void upgraded_rows_go_on(void **state)
{
    uint64_t new_id = UINT64_C(1) << 50;
    struct folder folder;

    (void)state;
    make_early(&folder);
    struct store *store = folder_open(&folder, STORE_SERVE);
    must_deliver(store, EARLY + 8); /* of r2, of which 3 is a letter */
    must_begin(store);
    assert_int_equal(store->ops->offer(store, EARLY + 3, false), STORE_STALE);
    assert_int_equal(store->ops->take_offer(store, EARLY + 4, &(uint64_t){EARLY + 4}, 7000), 0);
    assert_int_equal(store->ops->take_offer(store, EARLY + 5, &new_id, 7000), 0);
    assert_int_equal(store->ops->discard(store, EARLY + 1), 0);
    assert_int_equal(store->ops->discard(store, EARLY + 6), 0);
    must_commit(store);
    must_deliver(store, EARLY + 4);
    must_append(store, row_of(new_id + 1));
    assert_tallies(store, " 20 2 2 1;users 2 1 2 1;");
    store->ops->close(store);
    store = folder_open(&folder, STORE_SERVE);
    assert_int_equal(damaged_files(&folder), 0);
    must_deliver(store, new_id);
    assert_rows(store, "2 0 users r2 x 9;3 1! users r2 no 9;7 1  r1 no 9;9 0 other r2  9;"
                       "562949953421313 0 users r1  17;");
    store->ops->close(store);
    folder_empty(&folder);
}

static void commands_wait_for_the_relay(void **state)
{
    struct folder folder;

    (void)state;
    make_early(&folder);
    assert_refused(&folder, STORE_BESIDE, "older version");
    struct store *store = folder_open(&folder, STORE_SERVE);
    struct store *beside = folder_open(&folder, STORE_BESIDE);
    assert_upgraded(beside);
    beside->ops->close(beside);
    store->ops->close(store);
    folder_empty(&folder);
}

/* True: power was cut. */
static bool upgrade_through_power_cut(enum fault_loss loss, uint64_t seed, long nth)
{
    struct folder folder;
    struct store *store = NULL;

    make_early(&folder);
    fault_vfs_plan(FAULT_POWER, FAULT_WRITES | FAULT_SYNCS | FAULT_DELETES, nth);
    int r = folder_try_open(&folder, STORE_SERVE, &store);
    if (r == 0)
        store->ops->close(store);
    bool cut = fault_vfs_struck();
    fault_vfs_restore(loss, seed);
    store = folder_open(&folder, STORE_SERVE);
    assert_upgraded(store);
    assert_int_equal(damaged_files(&folder), 0);
    store->ops->close(store);
    folder_empty(&folder);
    return cut;
}

static void power_may_be_cut_at_any_write(void **state)
{
    static const enum fault_loss losses[] = {FAULT_LOSE_ALL, FAULT_LOSE_SOME, FAULT_LOSE_LATE};

    (void)state;
    fault_vfs_install();
    for (size_t i = 0; i < array_len(losses); i++) {
        long nth = 1;
        while (upgrade_through_power_cut(losses[i], 3, nth))
            nth += 1 + nth / 40; /* the large body is many writes */
        assert_true(nth > 40);
    }
    fault_vfs_remove();
}

/* ---- Damage, and backups ---- */

struct early_case {
    const char *name;
    const char *sql;
    bool damaged;
    const char *rows, *tallies;
};

static struct early_case early_cases[] = {
    {"counts that are wrong", "UPDATE tally SET pending = 6, dead = 3", true,
     "1 1! users r1 no 9;2 0 users r2 x 9;3 1 users r2 no 9;4 2 users r3 no 3000000;"
     "5 3 posts r3 no 9;6 1 posts  no 9;7 1  r1 no 9;8 0 users r2  9;9 0 other r2  9;",
     " 20 1 5 4;"},
    {"an event without a body", "DELETE FROM body WHERE id = 8", true,
     "1 1! users r1 no 9;2 0 users r2 x 9;3 1 users r2 no 9;4 2 users r3 no 3000000;"
     "5 3 posts r3 no 9;6 1 posts  no 9;7 1  r1 no 9;9 0 other r2  9;",
     " 20 2 4 4;"},
    {"a backup", "PRAGMA application_id = 0x43767842", false,
     "1 1! users r1 no 9;2 1! users r2 back 9;3 1! users r2 no 9;4 1! users r3 back 3000000;"
     "5 1! posts r3 back 9;6 1 posts  no 9;7 1! r1 no 9;8 1! users r2 back 9;9 1! other r2 back 9;",
     " 20 1 0 4;users 0 0 0 5;"},
};

static int tell_shortly(void *ctx, const struct store_row *row)
{
    struct store_row known = *row;

    if (row->died_ms > 1000000) /* only now: the reason is a long text */
        known.reason = SPAN("back");
    known.since_ms = known.arrived_ms;
    return tell_row(ctx, &known);
}

static void early_file_is_mended_or_restored(void **state)
{
    const struct early_case *early = *state;
    struct folder folder;
    struct told told = {0};

    make_early(&folder);
    run_sql(&folder, early->sql);
    struct store *store = folder_open(&folder, STORE_SERVE);
    assert_int_equal(damaged_files(&folder), early->damaged);
    assert_int_equal(store->ops->read(store, &all, tell_shortly, &told), 0);
    if (early->damaged)
        assert_string_equal(told.text, early->rows);
    assert_tallies(store, early->tallies);
    store->ops->close(store);
    store = folder_open(&folder, STORE_SERVE);
    assert_int_equal(damaged_files(&folder), early->damaged);
    assert_tallies(store, early->tallies);
    assert_works(store);
    store->ops->close(store);
    folder_empty(&folder);
}

static const struct CMUnitTest plain_tests[] = {
    cmocka_unit_test(rows_and_counts_are_kept),
    cmocka_unit_test(upgraded_rows_go_on),
    cmocka_unit_test(commands_wait_for_the_relay),
    cmocka_unit_test(power_may_be_cut_at_any_write),
};

int main(void)
{
    static struct CMUnitTest tests[array_len(plain_tests) + array_len(early_cases)];

    log_setup(LOG_ERROR + 1, LOG_TEXT);
    memcpy(tests, plain_tests, sizeof(plain_tests));
    rows_add(tests, array_len(plain_tests), early_cases, early_file_is_mended_or_restored);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
