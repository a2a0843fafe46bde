/* SPDX-License-Identifier: MIT */
/* What PostgreSQL does beside a store's promises: room, ids, the ledger, poolers, readings. */
#include <time.h>

#include "base/log.h"
#include "outbox/pg_run.h"
#include "tests/unit/lib/capture.h"
#include "tests/unit/lib/pg_world.h"

static const struct store_filter everything = {.last = STORE_FORCED};

/* ---- Room ---- */

static void full_disk_refuses_new_events_alone(void **state)
{
    struct pg_world *world = *state;
    struct store *store = pg_world_open(world, STORE_SERVE);
    struct store_row row = row_of(0), gone = row_of(pg_world_append(store, "r1"));

    (void)pg_world_sql(world, "CREATE FUNCTION @full() RETURNS trigger LANGUAGE plpgsql AS"
                              " $$BEGIN RAISE 'No space left on device' USING ERRCODE = '53100';"
                              " END$$");
    (void)pg_world_sql(world, "CREATE TRIGGER fails BEFORE INSERT ON @event"
                              " FOR EACH ROW EXECUTE FUNCTION @full()");
    must_begin(store);
    assert_int_equal(store->ops->append(store, &row), 0);
    assert_int_equal(store->ops->commit(store), STORE_FULL);
    assert_int_equal(row.id, 0);
    must_begin(store);
    assert_int_equal(store->ops->deliver(store, &gone, false), 0);
    must_commit(store);
    assert_string_equal(ids_of(store, everything), "");
    (void)pg_world_sql(world, "DROP TRIGGER fails ON @event");
    (void)pg_world_append(store, "r1");
    assert_int_equal(counts_of(store).accepted, 2);
}

static int append_to(struct store *store, struct store_row *row)
{
    *row = row_of(0);
    must_begin(store);
    int r = store->ops->append(store, row);
    must_commit(store);
    return r;
}

/* The body, the model and the record of row_of(0): 17, 5 and 2 bytes. */
static void quota_counts_what_is_there(void **state)
{
    struct pg_world *world = *state;
    struct store_row rows[4], again;

    world->options.max_bytes = 3 * 24 + 23;
    struct store *store = pg_world_open(world, STORE_SERVE);
    for (int i = 0; i < 3; i++)
        assert_int_equal(append_to(store, &rows[i]), 0);
    assert_int_equal(append_to(store, &rows[3]), STORE_FULL);
    must_deliver(store, rows[0].id);
    assert_int_equal(append_to(store, &again), 0);
    assert_int_equal(append_to(store, &rows[3]), STORE_FULL);
    must_bury(store, died(rows[1].id, "a letter takes as much room as an event"));
    assert_int_equal(append_to(store, &rows[3]), STORE_FULL);
    world->store = store->ops->close(store);
    store = pg_world_open(world, STORE_SERVE);
    assert_int_equal(append_to(store, &rows[3]), STORE_FULL);
    must_begin(store);
    assert_int_equal(store->ops->discard(store, rows[1].id), 0);
    must_commit(store);
    assert_int_equal(append_to(store, &rows[3]), 0);
    assert_int_equal(counts_of(store).bytes, 3 * 24);
}

/* All of a transaction's events want room together. */
static void quota_holds_within_a_transaction(void **state)
{
    struct pg_world *world = *state;
    struct store_row rows[2] = {row_of(0), row_of(0)};

    world->options.max_bytes = 24 + 23;
    struct store *store = pg_world_open(world, STORE_SERVE);
    must_begin(store);
    assert_int_equal(store->ops->append(store, &rows[0]), 0);
    assert_int_equal(store->ops->append(store, &rows[1]), STORE_FULL);
    store->ops->rollback(store);
    assert_int_equal(append_to(store, &rows[0]), 0);
}

/* ---- Ids ---- */

static uint64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

enum { LAG_US = 100000 * 1024 }; /* by which ids may be behind the clock */

static void ids_follow_the_clock_and_never_fall(void **state)
{
    struct pg_world *world = *state;
    uint64_t before_us = now_us();
    struct store *store = pg_world_open(world, STORE_SERVE);
    uint64_t id = pg_world_append(store, "r"), mark;

    assert_true(id > before_us - LAG_US - 1024 * 1024);
    assert_true(id <= now_us() + 1024 * 1024);
    assert_true(pg_world_append(store, "r") > id);
    (void)pg_world_sql(world, "SELECT setval('@batch', 1000)"); /* rewound */
    assert_int_equal(store->ops->tend(store, NULL), 0);
    assert_true(pg_world_append(store, "r") > before_us - LAG_US - 1024 * 1024);
    (void)pg_world_sql(world, "SELECT setval('@batch', 1 << 30, true)");
    (void)pg_world_sql(world, "SELECT setval('@batch', (1::int8 << 42))"); /* ahead of the clock */
    assert_int_equal(store->ops->tend(store, NULL), 0);
    id = pg_world_append(store, "r");
    assert_true(id > UINT64_C(1) << 52);
    assert_int_equal(store->ops->id_mark(store, &mark), 0);
    assert_true(mark >= id && mark < id + 2048);
}

static void many_rows_get_ids_in_their_order(void **state)
{
    enum { ROWS = 3000 };
    static struct store_row rows[ROWS];
    struct pg_world *world = *state;
    struct store *store = pg_world_open(world, STORE_SERVE);

    must_begin(store);
    for (size_t i = 0; i < ROWS; i++) {
        rows[i] = row_of(0);
        rows[i].state = i % 97 == 0 ? STORE_DEAD : STORE_PENDING;
        assert_int_equal(store->ops->append(store, &rows[i]), 0);
    }
    must_commit(store);
    for (size_t i = 1; i < ROWS; i++)
        assert_true(rows[i].id > rows[i - 1].id);
    assert_int_equal(counts_of(store).pending, ROWS - 31);
    assert_int_equal(counts_of(store).dead, 31);
    must_begin(store);
    for (size_t i = 0; i < ROWS; i++)
        assert_int_equal(store->ops->deliver(store, &rows[i], false), 0);
    must_commit(store);
    assert_int_equal(counts_of(store).delivered, ROWS);
    assert_int_equal(counts_of(store).pending, 0);
    assert_int_equal(counts_of(store).bytes, 0);
}

/* ---- The ledger ---- */

static void ledger_is_folded(void **state)
{
    struct pg_world *world = *state;
    struct store *store = pg_world_open(world, STORE_SERVE);

    for (int i = 0; i < 20; i++)
        (void)pg_world_append(store, "r");
    assert_int_equal(strtol(pg_world_sql(world, "SELECT count(*) FROM @ledger"), NULL, 10), 40);
    assert_int_equal(store->ops->tend(store, NULL), 0);
    assert_int_equal(strtol(pg_world_sql(world, "SELECT count(*) FROM @ledger"), NULL, 10), 1);
    assert_string_equal(pg_world_sql(world, "SELECT pending FROM @total"), "20");
    assert_int_equal(counts_of(store).pending, 20);
    bool changed = true;
    assert_int_equal(store->ops->changed(store, &changed), 0);
    assert_false(changed);
    assert_int_equal(counts_of(store).pending, 20);
}

/* A command's rows are folded, too, and noticed once. */
static void command_is_noticed_however_late(void **state)
{
    struct pg_world *world = *state;
    struct store *store = pg_world_open(world, STORE_SERVE);
    struct store_row row = row_of(0);
    bool changed;

    row.state = STORE_DEAD;
    must_append(store, row);
    const uint64_t id = strtoull(ids_of(store, everything), NULL, 10);
    assert_int_equal(store->ops->changed(store, &changed), 0);
    struct store *beside = pg_world_open(world, STORE_BESIDE);
    must_begin(beside);
    assert_int_equal(beside->ops->offer(beside, id, false), 0);
    must_commit(beside);
    beside->ops->close(beside);
    for (int i = 0; i < 2; i++)
        assert_int_equal(store->ops->tend(store, NULL), 0);
    assert_int_equal(store->ops->changed(store, &changed), 0);
    assert_true(changed);
    assert_int_equal(store->ops->changed(store, &changed), 0);
    assert_false(changed);
    assert_int_equal(counts_of(store).pending, 1);
    assert_string_equal(pg_world_sql(world, "SELECT count(*) FROM @member"), "1");
}

/* ---- Poolers ---- */

/* Another session serves, which knows none of the statements. */
static void lost_statements_are_sent_without_names(void **state)
{
    struct pg_world *world = *state;
    struct store *store = pg_world_open(world, STORE_SERVE);
    struct store_row row = row_of(0);

    (void)pg_world_append(store, "r");
    assert_int_equal(pg_run_sql(pg_core_of(store), "DEALLOCATE ALL", NULL, 0, NULL, NULL), 0);
    must_begin(store);
    assert_int_equal(store->ops->append(store, &row), 0);
    assert_int_equal(store->ops->commit(store), STORE_AWAY);
    assert_true(store->renews);
    assert_false(pg_world_resumed(store));
    assert_false(store->renews);
    assert_int_equal(row.id, 0);
    (void)pg_world_append(store, "r");
    assert_int_equal(pg_run_sql(pg_core_of(store), "DEALLOCATE ALL", NULL, 0, NULL, NULL), 0);
    (void)pg_world_append(store, "r");
    assert_int_equal(counts_of(store).pending, 3);
}

/* ---- What may work again ---- */

static void terminated_session_is_made_anew(void **state)
{
    struct pg_world *world = *state;
    struct store *store = pg_world_open(world, STORE_SERVE);

    (void)pg_world_append(store, "r");
    (void)pg_world_sql(world, "SELECT pg_terminate_backend(pid) FROM @member");
    while (strcmp(pg_world_sql(world, "SELECT count(*) FROM pg_stat_activity a"
                                      " JOIN @member m ON m.pid = a.pid"),
                  "0") != 0)
        (void)usleep(10 * 1000);
    assert_int_equal(store->ops->begin(store), STORE_AWAY); /* noticed before anything is sent */
    assert_non_null(strstr(store->why_away, "terminating connection"));
    assert_false(pg_world_resumed(store));
    (void)pg_world_append(store, "r");
    assert_string_equal(pg_world_sql(world, "SELECT count(*) FROM @member"), "1"); /* still it */
}

/* As by a failover to an asynchronous standby: the last commits are gone, and the sequence is where
 * it was. */
static void rewound_database_gives_no_id_again(void **state)
{
    struct pg_world *world = *state;
    struct store *store = pg_world_open(world, STORE_SERVE);

    (void)pg_world_append(store, "r");
    assert_int_equal(store->ops->tend(store, NULL), 0);
    cleanup(freep) char *batch = strdup(pg_world_sql(world, "SELECT last_value FROM @batch"));
    uint64_t lost = 0;
    for (int i = 0; i < 50; i++)
        lost = pg_world_append(store, "r");
    (void)pg_world_sql(world, "DELETE FROM @ledger WHERE cycle > 2;"
                              " DELETE FROM @event WHERE id > (SELECT min(id) FROM @event)");
    char sql[96];
    (void)snprintf(sql, sizeof(sql), "SELECT setval('@batch', %s)", batch);
    (void)pg_world_sql(world, sql);
    (void)pg_world_sql(world, "SELECT pg_terminate_backend(pid) FROM @member");
    struct store_row row = row_of(0);
    int r = store->ops->begin(store);
    if (!r) {
        (void)store->ops->append(store, &row);
        r = store->ops->commit(store);
    }
    assert_int_equal(r, STORE_AWAY);
    assert_false(pg_world_resumed(store));
    assert_true(pg_world_append(store, "r") > lost);
    assert_string_equal(pg_world_sql(world, "SELECT epoch FROM @sender"), "2");
    assert_int_equal(counts_of(store).pending, 2);
}

static void cancelled_statement_works_again(void **state)
{
    struct pg_world *world = *state;
    struct store *store = pg_world_open(world, STORE_SERVE);
    struct store_row row = row_of(0);

    assert_int_equal(pg_run_sql(pg_core_of(store), "SET lock_timeout = 100", NULL, 0, NULL, NULL),
                     0);
    PGconn *holder = PQconnectdb(pg_cluster_super_uri());
    cleanup(freep) char *sql = pg_run_text(world->schema, "BEGIN; LOCK TABLE @event");
    PQclear(PQexec(holder, sql));
    must_begin(store);
    assert_int_equal(store->ops->append(store, &row), 0);
    assert_int_equal(store->ops->commit(store), STORE_AWAY);
    PQfinish(holder);
    assert_false(pg_world_resumed(store));
    (void)pg_world_append(store, "r");
    assert_int_equal(counts_of(store).pending, 1);
}

/* And that is said once, however often it is tried. */
static void row_that_cannot_be_stored_spoils_no_other(void **state)
{
    struct pg_world *world = *state;
    struct store *store = pg_world_open(world, STORE_SERVE);
    static char body[200];

    (void)pg_world_sql(world, "ALTER TABLE @event ADD CHECK (octet_length(body) < 100)");
    log_setup(LOG_INFO, LOG_TEXT);
    capture_begin();
    for (int i = 0; i < 3; i++) {
        struct store_row row = row_of(0);
        row.body = (struct span){body, sizeof(body)};
        must_begin(store);
        assert_int_equal(store->ops->append(store, &row), 0);
        assert_int_equal(store->ops->commit(store), STORE_BROKEN);
        (void)pg_world_append(store, "r");
    }
    const char *log = capture_end();
    assert_int_equal(capture_count(log, "error the outbox fails: nothing is stored"), 1);
    assert_int_equal(capture_count(log, "the outbox"), 1);
}

/* ---- Readings ---- */

enum { MANY = 60000, MANY_BODY_BYTES = 2000 };

struct reading {
    size_t body_bytes; /* of each row */
    uint64_t rows, last_id;
};

static int count_row(void *ctx, const struct store_row *row)
{
    struct reading *reading = ctx;

    assert_true(row->id > reading->last_id);
    assert_int_equal(row->body.len, reading->body_bytes);
    reading->last_id = row->id;
    reading->rows++;
    return 0;
}

static long peak_kib(void)
{
    char line[128];
    long kib = 0;
    FILE *status = fopen("/proc/self/status", "re");

    assert_non_null(status);
    while (fgets(line, sizeof(line), status))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            break;
    (void)fclose(status);
    return kib;
}

/* Reads all rows, which are far more bytes. */
static void read_all(struct store *store, struct store_filter filter, struct reading *reading)
{
    long before_kib = peak_kib();

    assert_int_equal(store->ops->read(store, &filter, count_row, reading), 0);
#ifndef __SANITIZE_ADDRESS__
    assert_true(peak_kib() - before_kib < 24 * 1024);
#else
    (void)before_kib;
#endif
}

static void many_rows_do_not_come_into_memory(void **state)
{
    struct pg_world *world = *state;
    struct store *store = pg_world_open(world, STORE_SERVE);
    struct reading reading = {.body_bytes = MANY_BODY_BYTES};
    char sql[512];

    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO @event (member, id, arrived_ms, since_ms, body) SELECT"
                   " (SELECT max(member) FROM @member), i, 1, 1, convert_to(repeat('x', %d),"
                   " 'UTF8') FROM generate_series(1, %d) i",
                   MANY_BODY_BYTES, MANY);
    (void)pg_world_sql(world, sql);
    read_all(store, everything, &reading);
    assert_int_equal(reading.rows, MANY);
}

enum { LONG_ROWS = 60, LONG_RECORD_BYTES = 1 << 20 };

/* A sender may give a record a name as long as a body is allowed to be. */
static void long_records_do_not_come_into_memory_either(void **state)
{
    struct pg_world *world = *state;
    struct store *store = pg_world_open(world, STORE_SERVE);
    struct store_filter bare = everything;
    struct reading reading = {.body_bytes = 0};
    char sql[512];

    bare.bare = true;
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO @event (member, id, arrived_ms, since_ms, record, body) SELECT"
                   " (SELECT max(member) FROM @member), i, 1, 1, convert_to(repeat('x', %d),"
                   " 'UTF8'), 'x' FROM generate_series(1, %d) i",
                   LONG_RECORD_BYTES, LONG_ROWS);
    (void)pg_world_sql(world, sql);
    read_all(store, bare, &reading);
    assert_int_equal(reading.rows, LONG_ROWS);
}

static const struct CMUnitTest tests[] = {
    /* First: the peak of memory never falls again. */
    pg_world_test(long_records_do_not_come_into_memory_either),
    pg_world_test(many_rows_do_not_come_into_memory),
    pg_world_test(full_disk_refuses_new_events_alone),
    pg_world_test(quota_counts_what_is_there),
    pg_world_test(quota_holds_within_a_transaction),
    pg_world_test(ids_follow_the_clock_and_never_fall),
    pg_world_test(many_rows_get_ids_in_their_order),
    pg_world_test(ledger_is_folded),
    pg_world_test(command_is_noticed_however_late),
    pg_world_test(lost_statements_are_sent_without_names),
    pg_world_test(terminated_session_is_made_anew),
    pg_world_test(rewound_database_gives_no_id_again),
    pg_world_test(cancelled_statement_works_again),
    pg_world_test(row_that_cannot_be_stored_spoils_no_other),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
