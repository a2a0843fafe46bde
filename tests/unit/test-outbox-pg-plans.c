/* SPDX-License-Identifier: MIT */
/*
 * The plans of the statements that run all the time are good whatever VACUUM has told the planner:
 * each event is found by its key, and no table or index is read from end to end. A plan that
 * changed has brought 16,000 events a second down to 1,000.
 */
#include "outbox/pg_run.h"
#include "tests/unit/lib/pg_world.h"

enum { PLAN_BYTES = 16384, PLAN_ROWS = 200000 };

static const struct planned {
    enum pg_statement which;
    const char *name;
    int parameters;
    const char *finds; /* how events or letters are found */
} planned[] = {
    {PG_APPEND, "append", 16, ""},
    {PG_NOTE, "note", 5, "Index Cond: ((member = u.member) AND (id = u.id))"},
    {PG_BURY, "bury", 20, "Index Cond: ((member = u_2.member) AND (id = u_2.id))"},
    {PG_SETTLE, "settle", 5, "Index Cond: ((member = u.member) AND (id = u.id))"},
    {PG_SETTLE_ALONE, "settle_alone", 4, "Index Cond: ((member = u.member) AND (id = u.id))"},
    {PG_STALE, "stale", 4, "Index Cond: (lane = u.lane)"},
    {PG_READ_PENDING, "read", 5, "Index Cond: ((member = m.member) AND (id > $1) AND (id <= $2))"},
    {PG_OLDEST, "oldest", 2, "Index Cond: ((member = m.member) AND (id >= m.low) AND (id <= "},
};

/* As pg_connect.c sets its sessions. */
static const char settings[] =
    "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off;"
    " SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off";

static void must(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(result);
}

static void prepare(struct pg_world *world, PGconn *conn, const struct planned *plan)
{
    char *text = pg_run_text(world->schema, pg_statement_text(plan->which));
    PGresult *result = PQprepare(conn, plan->name, text, 0, NULL);

    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", plan->name, PQerrorMessage(conn));
    PQclear(result);
    free(text);
}

static void explain(PGconn *conn, const struct planned *plan, char text[PLAN_BYTES])
{
    char sql[256];
    size_t len =
        (size_t)snprintf(sql, sizeof(sql), "EXPLAIN (COSTS OFF) EXECUTE %s (NULL", plan->name);

    for (int i = 1; i < plan->parameters; i++)
        len += (size_t)snprintf(sql + len, sizeof(sql) - len, ", NULL");
    (void)snprintf(sql + len, sizeof(sql) - len, ")");
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    text[0] = '\0';
    for (int i = 0; i < PQntuples(result); i++) {
        (void)strncat(text, PQgetvalue(result, i, 0), PLAN_BYTES - strlen(text) - 2);
        (void)strcat(text, "\n");
    }
    PQclear(result);
}

static const char *const never[] = {"Seq Scan on event", "Seq Scan on letter",
                                    "Seq Scan on trouble", "Hash Join", "Merge Join"};

static void assert_plan(const struct planned *plan, const char *text, const char *moment)
{
    for (size_t i = 0; i < array_len(never); i++)
        if (strstr(text, never[i]))
            fail_msg("after %s %s has a %s:\n%s", moment, plan->name, never[i], text);
    /* Without a condition in the next line an index is read from end to end. */
    for (const char *at = text; (at = strstr(at, " using ")) != NULL;) {
        bool few = strncmp(at, " using member_", 14) == 0 || strncmp(at, " using total_", 13) == 0;
        at = strchr(at, '\n') + 1;
        if (!few && strncmp(at + strspn(at, " "), "Index Cond: ", 12) != 0)
            fail_msg("after %s %s reads all of an index:\n%s", moment, plan->name, text);
    }
    if (!strstr(text, plan->finds))
        fail_msg("after %s %s has no %s:\n%s", moment, plan->name, plan->finds, text);
}

static const char *const moments[] = {
    "SELECT 1", /* new, and never seen by VACUUM */
    "INSERT INTO @event (member, id, arrived_ms, since_ms, body) SELECT 1, i, 1, 1, ''"
    " FROM generate_series(1, 1000) i; DELETE FROM @event",
    "VACUUM ANALYZE @event", /* which it calls empty now */
    "VACUUM ANALYZE @letter",
    "VACUUM ANALYZE @trouble",
    "INSERT INTO @event (member, id, arrived_ms, since_ms, body) SELECT i % 3, i, 1, 1, 'x'"
    " FROM generate_series(1, 200000) i",
    "INSERT INTO @letter (id, lane, state, stale, arrived_ms, since_ms, attempts, tried_ms, body)"
    " SELECT i, i % 1000, 1, false, 1, 1, 0, 0, 'x' FROM generate_series(1, 50000) i",
    "VACUUM ANALYZE @event",
    "VACUUM ANALYZE @letter",
    "VACUUM ANALYZE @total",
    "VACUUM ANALYZE @member",
    "DELETE FROM @event", /* held, as by a transaction that is old */
    "VACUUM @event",
};

static void plans_find_events_by_their_keys(void **state)
{
    static char text[PLAN_BYTES];
    struct pg_world *world = *state;

    (void)pg_world_open(world, STORE_SERVE);
    PGconn *conn = PQconnectdb(pg_cluster_super_uri());
    must(conn, settings);
    for (size_t i = 0; i < array_len(planned); i++)
        prepare(world, conn, &planned[i]);
    for (size_t moment = 0; moment < array_len(moments); moment++) {
        (void)pg_world_sql(world, moments[moment]);
        for (size_t i = 0; i < array_len(planned); i++) {
            explain(conn, &planned[i], text);
            assert_plan(&planned[i], text, moments[moment]);
        }
    }
    PQfinish(conn);
}

/* How many parts of a plan do not run when it runs. */
static int unused_parts(PGconn *conn, const char *sql)
{
    int unused = 0;

    must(conn, "BEGIN");
    PGresult *result = PQexec(conn, sql);
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    for (int i = 0; i < PQntuples(result); i++)
        unused += strstr(PQgetvalue(result, i, 0), "never executed") != NULL;
    PQclear(result);
    must(conn, "ROLLBACK");
    return unused;
}

/* Rows are not counted for a model that can have none: the others' counts say so. */
static void naming_reads_no_table_in_vain(void **state)
{
    static const struct planned naming = {PG_NAME, "name", 3, ""};
    static const char names[] = "EXPLAIN (ANALYZE) EXECUTE name (1, 1, 'users')";
    struct pg_world *world = *state;

    (void)pg_world_open(world, STORE_SERVE);
    PGconn *conn = PQconnectdb(pg_cluster_super_uri());
    must(conn, settings);
    prepare(world, conn, &naming);
    assert_int_equal(unused_parts(conn, names), 2); /* the scans of event and of letter */
    (void)pg_world_sql(world, "UPDATE @total SET dead = 1");
    assert_int_equal(unused_parts(conn, names), 1);
    (void)pg_world_sql(world, "UPDATE @total SET pending = 1, dead = 0");
    assert_int_equal(unused_parts(conn, names), 0);
    PQfinish(conn);
}

static const struct CMUnitTest tests[] = {
    pg_world_test(naming_reads_no_table_in_vain),
    pg_world_test(plans_find_events_by_their_keys),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
