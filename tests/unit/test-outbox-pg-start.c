/* SPDX-License-Identifier: MIT */
/* A relay starts while its database is away, or refuses the relay. */
#include "tests/unit/lib/capture.h"
#include "tests/unit/lib/pg_world.h"
#include "tests/unit/lib/rows.h"

#include "outbox/pg_connect.h"

static const struct store_filter everything = {.last = STORE_FORCED};

static char role[64]; /* of the program */

static void alter_role(const char *how)
{
    char sql[320];

    (void)snprintf(sql, sizeof(sql), "ALTER ROLE %s %s", role, how);
    (void)pg_cluster_sql(sql);
}

static int find_role(void **state)
{
    PGconn *conn = PQconnectdb(pg_cluster_uri());

    (void)state;
    (void)snprintf(role, sizeof(role), "%s", PQuser(conn));
    PQfinish(conn);
    return 0;
}

static int end(void **state)
{
    alter_role("LOGIN CONNECTION LIMIT -1");
    alter_role("RESET default_transaction_isolation");
    return pg_world_teardown(state);
}

static int warnings;

static void warned(const char *line)
{
    assert_non_null(strstr(line, "default_transaction_isolation"));
    warnings++;
}

/* The database has no connection to spare. */
static struct store *open_away(struct pg_world *world)
{
    alter_role("CONNECTION LIMIT 0");
    struct store *store = pg_world_open(world, STORE_SERVE);
    assert_non_null(strstr(store->why_away, "too many connections"));
    return store;
}

/* ---- Away ---- */

static void opens_once_the_database_is_there(void **state)
{
    struct pg_world *world = *state;
    uint64_t first = pg_world_append(pg_world_open(world, STORE_SERVE), "r");
    bool committed = true;

    world->store = world->store->ops->close(world->store);
    struct store *store = open_away(world);
    assert_int_equal(store->ops->begin(store), STORE_AWAY);
    assert_int_equal(store->ops->tend(store, NULL), STORE_AWAY);
    assert_int_equal(store->ops->read(store, &everything, NULL, NULL), STORE_AWAY);
    assert_int_equal(store->ops->resume(store, &committed), STORE_AWAY);
    assert_false(committed);
    alter_role("CONNECTION LIMIT -1");
    assert_false(pg_world_resumed(store));
    assert_int_equal(counts_of(store).pending, 1);
    assert_true(pg_world_append(store, "r") > first);
    must_deliver(store, first);
    assert_int_equal(counts_of(store).pending, 1);
}

static void makes_the_tables_then(void **state)
{
    struct pg_world *world = *state;
    struct store *store = open_away(world);

    assert_string_equal(pg_world_sql(world, "SELECT to_regclass('@event') IS NULL"), "t");
    alter_role("CONNECTION LIMIT -1");
    assert_false(pg_world_resumed(store));
    (void)pg_world_append(store, "r");
    assert_string_equal(pg_world_sql(world, "SELECT count(*) FROM @event"), "1");
}

static void is_closed_before(void **state)
{
    struct pg_world *world = *state;

    world->store = open_away(world);
    world->store = world->store->ops->close(world->store);
}

static void command_does_not_wait(void **state)
{
    struct pg_world *world = *state;
    struct store *store;

    alter_role("CONNECTION LIMIT 0");
    assert_int_equal(pg_world_try(world, STORE_BESIDE, &store), STORE_BUSY);
    assert_non_null(strstr(world->why, "OUTBOX: PostgreSQL cannot be reached: "));
}

/* ---- Warnings ---- */

static void warns_once(void **state)
{
    struct pg_world *world = *state;
    char setting[160]; /* that goes before what a start gives the role */

    warnings = 0;
    world->options.warn = warned;
    (void)snprintf(setting, sizeof(setting),
                   "IN DATABASE %s SET default_transaction_isolation = 'serializable'", role);
    alter_role(setting);
    (void)pg_world_open(world, STORE_SERVE);
    assert_int_equal(warnings, 1);
    world->store = world->store->ops->close(world->store);
    struct store *store = open_away(world);
    assert_int_equal(warnings, 1);
    alter_role("CONNECTION LIMIT -1");
    assert_false(pg_world_resumed(store));
    assert_int_equal(warnings, 2);
}

/* ---- How long a connection is waited for ---- */

struct timeout_row {
    const char *name;
    const char *uri, *environment; /* what they say; NULL: nothing */
    const char *relay, *command;
};

static struct timeout_row timeout_rows[] = {
    {"as it is", NULL, NULL, "2", "2"},
    {"without end, in the URI", "0", NULL, "10", "60"},
    {"less than nothing, in the URI", "-1", NULL, "10", "60"},
    {"an hour, in the URI", "3600", NULL, "10", "60"},
    {"some seconds, in the URI", "5", NULL, "5", "5"},
    {"without end, in the environment", NULL, "0", "10", "60"},
    {"an hour, in the environment", NULL, "3600", "10", "60"},
    {"some seconds, in the environment", NULL, "5", "5", "5"},
    {"both", "3", "0", "3", "3"},
};

static void assert_timeout(PGconn *conn, const char *timeout)
{
    PQconninfoOption *options = PQconninfo(conn), *option = options;

    while (option->keyword && strcmp(option->keyword, "connect_timeout") != 0)
        option++;
    assert_string_equal(option->val, timeout);
    PQconninfoFree(options);
}

static void timeout(void **state)
{
    const struct timeout_row *row = *state;
    struct pg_world world = {.schema = "none"};
    char uri[128];
    bool refused;

    (void)snprintf(uri, sizeof(uri), "postgresql://127.0.0.1:1/none%s%s",
                   row->uri ? "?connect_timeout=" : "", row->uri ? row->uri : "");
    if (row->environment)
        assert_int_equal(setenv("PGCONNECT_TIMEOUT", row->environment, 1), 0);
    world.options = (struct store_options){.uri = uri, .schema = world.schema};
    struct store *store = pg_world_open(&world, STORE_SERVE);
    PGconn *conn = pg_connect_open(uri, &refused);
    assert_int_equal(unsetenv("PGCONNECT_TIMEOUT"), 0);
    assert_timeout(pg_core_of(store)->conn, row->relay);
    assert_timeout(conn, row->command);
    PQfinish(conn);
    store->ops->close(store);
}

/* ---- Refused ---- */

static void answer_that_refuses_ends_a_start(void **state)
{
    struct pg_world *world = *state;
    char uri[512];

    alter_role("NOLOGIN");
    pg_world_refused(world, STORE_BUSY, "OUTBOX: PostgreSQL refuses the relay: ");
    assert_non_null(strstr(world->why, "is not permitted to log in"));
    assert_null(strstr(world->why, "LOCATION"));
    alter_role("LOGIN");
    (void)snprintf(uri, sizeof(uri), "%s&dbname=nowhere", pg_cluster_uri());
    world->options.uri = uri;
    pg_world_refused(world, STORE_BUSY, "OUTBOX: PostgreSQL refuses the relay: ");
    assert_non_null(strstr(world->why, "\"nowhere\" does not exist"));
}

static void later_it_is_logged_once(void **state)
{
    struct pg_world *world = *state;
    struct store *store = open_away(world);
    bool committed;

    alter_role("NOLOGIN CONNECTION LIMIT -1");
    capture_begin();
    for (int i = 0; i < 3; i++)
        assert_int_equal(store->ops->resume(store, &committed), STORE_AWAY);
    const char *log = capture_end();
    assert_int_equal(capture_count(log, "error the outbox cannot be opened: "), 1);
    assert_int_equal(capture_count(log, "is not permitted to log in"), 1);
    alter_role("LOGIN");
    assert_false(pg_world_resumed(store));
    (void)pg_world_append(store, "r");
}

#define start_test(test) cmocka_unit_test_setup_teardown(test, pg_world_setup, end)

static const struct CMUnitTest starts[] = {
    start_test(opens_once_the_database_is_there),
    start_test(makes_the_tables_then),
    start_test(is_closed_before),
    start_test(command_does_not_wait),
    start_test(warns_once),
    start_test(answer_that_refuses_ends_a_start),
    start_test(later_it_is_logged_once),
};

static struct CMUnitTest tests[array_len(starts) + array_len(timeout_rows)];

int main(void)
{
    memcpy(tests, starts, sizeof(starts));
    (void)rows_add(tests, array_len(starts), timeout_rows, timeout);
    return cmocka_run_group_tests(tests, find_role, NULL);
}
