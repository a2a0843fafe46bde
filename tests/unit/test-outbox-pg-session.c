/* SPDX-License-Identifier: MIT */
/* What a role, a database or a server begin sessions with, and who else uses the schemas of the
 * search path, changes nothing. */
#include <pthread.h>

#include "outbox/pg_run.h"
#include "tests/unit/lib/pg_world.h"

/* Has the role's sessions begin with a setting, "name = value"; NULL: with none. */
static void begin_with(const char *setting)
{
    PGconn *conn = PQconnectdb(pg_cluster_uri());
    char sql[256];

    (void)snprintf(sql, sizeof(sql), "ALTER ROLE %s IN DATABASE %s %s %s", PQuser(conn), PQdb(conn),
                   setting ? "SET" : "RESET", setting ? setting : "ALL");
    PQfinish(conn);
    (void)pg_cluster_sql(sql);
}

static int session_teardown(void **state)
{
    begin_with(NULL);
    return pg_world_teardown(state);
}

#define session_test(test) cmocka_unit_test_setup_teardown(test, pg_world_setup, session_teardown)

/* ---- The search path ---- */

/* Sums of bigint are numeric, so that this operator fits better than PostgreSQL's own. */
static void foreign_operators_do_not_run(void **state)
{
    struct pg_world *world = *state;

    (void)pg_cluster_sql("CREATE SCHEMA shared; GRANT USAGE ON SCHEMA shared TO PUBLIC;"
                         " CREATE FUNCTION shared.trap(bigint, numeric) RETURNS numeric"
                         " LANGUAGE plpgsql AS $$BEGIN RAISE 'this ran as %', current_user; END$$;"
                         " CREATE OPERATOR shared.+ (FUNCTION = shared.trap, LEFTARG = bigint,"
                         " RIGHTARG = numeric)");
    begin_with("search_path = shared");
    struct store *store = pg_world_open(world, STORE_SERVE);
    (void)pg_world_append(store, "r");
    assert_int_equal(store->ops->tend(store, NULL), 0);
    assert_string_equal(pg_world_sql(world, "SELECT pending FROM @total"), "1");
    (void)pg_cluster_sql("DROP SCHEMA shared CASCADE");
}

/* ---- Limits of time ---- */

static void *let_go_soon(void *conn)
{
    (void)usleep(200 * 1000);
    PQfinish(conn);
    return NULL;
}

/* Commits an append for which another session has to let the table go first. */
static int commit_behind_lock(struct pg_world *world, struct store *store)
{
    cleanup(freep) char *sql = pg_run_text(world->schema, "BEGIN; LOCK TABLE @event");
    PGconn *holder = PQconnectdb(pg_cluster_super_uri());
    struct store_row row = row_of(0);
    pthread_t thread;

    PQclear(PQexec(holder, sql));
    must_begin(store);
    assert_int_equal(store->ops->append(store, &row), 0);
    assert_int_equal(pthread_create(&thread, NULL, let_go_soon, holder), 0);
    int r = store->ops->commit(store);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return r;
}

static void waits_are_not_cut_short(void **state)
{
    struct pg_world *world = *state;

    begin_with("lock_timeout = '50ms'");
    assert_int_equal(commit_behind_lock(world, pg_world_open(world, STORE_SERVE)), 0);
}

static void statements_are_not_cut_short(void **state)
{
    struct pg_world *world = *state;

    begin_with("statement_timeout = '50ms'");
    assert_int_equal(commit_behind_lock(world, pg_world_open(world, STORE_SERVE)), 0);
}

static void transactions_are_not_cut_short(void **state)
{
    struct pg_world *world = *state;
    struct store_row row = row_of(0);

    begin_with("idle_in_transaction_session_timeout = '50ms'");
    struct store *store = pg_world_open(world, STORE_SERVE);
    must_begin(store);
    assert_int_equal(store->ops->append(store, &row), 0);
    assert_int_equal(counts_of(store).pending, 1); /* the append has run */
    (void)usleep(200 * 1000);
    must_commit(store);
}

/* As by Ctrl-Z: its transaction ends before the relay gives the server up. */
static void stopped_command_stops_nobody(void **state)
{
    struct pg_world *world = *state;
    struct store *store = pg_world_open(world, STORE_SERVE);
    struct store_row letter = row_of(0), row = row_of(0);

    letter.state = STORE_DEAD;
    must_begin(store);
    assert_int_equal(store->ops->append(store, &letter), 0);
    assert_int_equal(store->ops->append(store, &row), 0);
    must_commit(store);
    struct store *beside = pg_world_open(world, STORE_BESIDE);
    must_begin(beside);
    assert_int_equal(beside->ops->offer(beside, letter.id, false), 0);
    must_begin(store);
    assert_int_equal(store->ops->deliver(store, &row, false), 0); /* the letter becomes stale */
    int relay = store->ops->commit(store), command = beside->ops->commit(beside);
    beside->ops->close(beside);
    assert_int_equal(relay, 0);
    assert_int_equal(command, STORE_AWAY);
    assert_int_equal(counts_of(store).dead, 1);
}

/* ---- What a transaction sees ---- */

static void what_others_commit_is_seen(void **state)
{
    struct pg_world *world = *state;
    struct store_row letter = row_of(0);

    begin_with("default_transaction_isolation = 'serializable'");
    struct store *store = pg_world_open(world, STORE_SERVE);
    letter.state = STORE_DEAD;
    must_begin(store);
    assert_int_equal(store->ops->append(store, &letter), 0);
    must_commit(store);
    must_begin(store);
    assert_int_equal(store->ops->count_delivered(store, SPAN("users"), 1), 0);
    assert_int_equal(counts_of(store).dead, 1); /* the transaction is under way */
    struct store *beside = pg_world_open(world, STORE_BESIDE);
    must_begin(beside);
    assert_int_equal(beside->ops->discard(beside, letter.id), 0);
    must_commit(beside);
    beside->ops->close(beside);
    assert_int_equal(store->ops->deliver(store, &letter, false), 0);
    must_commit(store);
    bool changed = false;
    assert_int_equal(store->ops->changed(store, &changed), 0);
    assert_int_equal(counts_of(store).delivered, 1);
    assert_int_equal(counts_of(store).discarded, 1);
}

/* Rows that a policy hides would be neither delivered nor counted. */
static void hidden_rows_are_a_failure(void **state)
{
    struct pg_world *world = *state;
    struct store *store = pg_world_open(world, STORE_SERVE);
    struct store_row row = row_of(pg_world_append(store, "r"));

    (void)pg_world_sql(world, "ALTER TABLE @event ENABLE ROW LEVEL SECURITY;"
                              " ALTER TABLE @event FORCE ROW LEVEL SECURITY");
    must_begin(store);
    assert_int_equal(store->ops->deliver(store, &row, false), 0);
    assert_int_equal(store->ops->commit(store), STORE_BROKEN);
    assert_string_equal(pg_world_sql(world, "SELECT count(*) FROM @event"), "1");
}

/* ---- The role ---- */

static void role_gets_all_settings_or_none(void **state)
{
    struct pg_world *world = *state;
    static const char settings[] =
        "SELECT array_to_string(setconfig, ';') FROM pg_db_role_setting s JOIN pg_database d"
        " ON d.oid = s.setdatabase AND d.datname = current_database()";

    (void)pg_world_open(world, STORE_SERVE);
    cleanup(freep) char *first = strdup(pg_cluster_sql(settings));
    assert_non_null(strstr(first, "search_path=pg_catalog, pg_temp;"));
    assert_non_null(strstr(first, "synchronous_commit=on;"));
    assert_non_null(strstr(first, "plan_cache_mode=force_generic_plan;"));
    assert_non_null(strstr(first, "statement_timeout=1min;"));
    assert_null(strstr(first, "transaction_timeout=1"));
    world->store = world->store->ops->close(world->store);
    (void)pg_world_open(world, STORE_SERVE);
    assert_string_equal(pg_cluster_sql(settings), first);
}

static const struct CMUnitTest tests[] = {
    session_test(foreign_operators_do_not_run), session_test(waits_are_not_cut_short),
    session_test(statements_are_not_cut_short), session_test(transactions_are_not_cut_short),
    session_test(stopped_command_stops_nobody), session_test(what_others_commit_is_seen),
    session_test(hidden_rows_are_a_failure),    session_test(role_gets_all_settings_or_none),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
