/* SPDX-License-Identifier: MIT */
/* Who may open an outbox in PostgreSQL, and when; and whose it is. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "tests/unit/lib/pg_world.h"

static const struct store_filter everything = {.last = STORE_FORCED};

enum { LONG_LEASE_MS = 3600 * 1000 }; /* a test that waited for its end would not end */

/* ---- One relay ---- */

struct tended {
    struct store *store;
    atomic_bool over;
};

static void *tend(void *ctx)
{
    struct tended *tended = ctx;

    while (!atomic_load(&tended->over)) {
        (void)tended->store->ops->tend(tended->store, NULL);
        (void)usleep(50 * 1000);
    }
    return NULL;
}

static void second_relay_is_put_off(void **state)
{
    struct pg_world *world = *state;
    struct tended tended = {.over = false};
    pthread_t thread;

    world->options.lease_ms = LONG_LEASE_MS;
    world->options.name = "alpha";
    tended.store = pg_world_open(world, STORE_SERVE);
    assert_int_equal(pthread_create(&thread, NULL, tend, &tended), 0);
    world->options.name = "beta";
    pg_world_refused(world, STORE_BUSY, "is in use by another relay: alpha");
    atomic_store(&tended.over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)pg_world_append(world->store, "r"); /* nothing has happened to the first one */
}

static void relay_that_says_nothing_is_taken_for_dead(void **state)
{
    struct pg_world *world = *state;

    world->options.lease_ms = 300;
    struct store *first = pg_world_open(world, STORE_SERVE);
    (void)pg_world_open(world, STORE_SERVE);
    (void)pg_world_append(world->store, "r");
    assert_int_equal(first->ops->tend(first, NULL), STORE_AWAY);
    first->ops->close(first);
    (void)pg_world_append(world->store, "r"); /* its leaving is nobody else's */
}

static void relay_that_was_taken_for_dead_is_told(void **state)
{
    struct pg_world *world = *state;
    struct tended tended = {.over = false};
    bool committed;
    pthread_t thread;

    world->options.lease_ms = 300;
    struct store *first = pg_world_open(world, STORE_SERVE);
    (void)pg_world_append(first, "r");
    tended.store = pg_world_open(world, STORE_SERVE);
    assert_int_equal(pthread_create(&thread, NULL, tend, &tended), 0);
    assert_int_equal(first->ops->begin(first), 0);
    assert_int_equal(first->ops->mark_stale(first, 1, SPAN("users"), SPAN("r")), 0);
    assert_int_equal(first->ops->commit(first), STORE_AWAY);
    assert_int_equal(first->ops->resume(first, &committed), STORE_BUSY);
    assert_non_null(strstr(first->why_away, "is in use by another relay"));
    assert_int_equal(first->ops->begin(first), STORE_AWAY);
    atomic_store(&tended.over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    first->ops->close(first);
}

static void killed_relay_keeps_nobody_waiting(void **state)
{
    struct pg_world *world = *state;

    world->options.lease_ms = LONG_LEASE_MS;
    (void)pg_cluster_uri(); /* the child must not make the cluster */
    pid_t child = fork();
    if (child == 0) {
        struct store *store = NULL;
        if (pg_world_try(world, STORE_SERVE, &store) == 0)
            (void)pg_world_append(store, "r");
        (void)kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    struct store *store = pg_world_open(world, STORE_SERVE);
    assert_int_equal(counts_of(store).pending, 1);
    const uint64_t id = strtoull(ids_of(store, everything), NULL, 10);
    assert_true(pg_world_append(store, "r") > id);
    must_deliver(store, id); /* of another member's stream */
    assert_int_equal(counts_of(store).pending, 1);
    assert_string_equal(pg_world_sql(world, "SELECT count(*) FROM @member WHERE state < 2"), "1");
}

static void relay_that_was_closed_commits_nothing(void **state)
{
    struct pg_world *world = *state;
    struct store *store = pg_world_open(world, STORE_SERVE);
    struct store_row row = row_of(0);
    uint64_t first = pg_world_append(store, "r");

    (void)pg_world_sql(world, "UPDATE @member SET state = 2");
    must_begin(store);
    assert_int_equal(store->ops->append(store, &row), 0);
    assert_int_equal(store->ops->commit(store), STORE_AWAY);
    assert_string_equal(pg_world_sql(world, "SELECT count(*) FROM @event"), "1");
    assert_false(pg_world_resumed(store)); /* nobody else serves */
    assert_true(pg_world_append(store, "r") > first);
    assert_string_equal(pg_world_sql(world, "SELECT epoch FROM @sender"), "2");
}

static void another_epoch_keeps_from_settling(void **state)
{
    struct pg_world *world = *state;
    struct store *store = pg_world_open(world, STORE_SERVE);
    struct store_row row = row_of(pg_world_append(store, "r"));

    (void)pg_world_sql(world, "UPDATE @sender SET epoch = epoch + 1");
    must_begin(store);
    assert_int_equal(store->ops->deliver(store, &row, false), 0);
    assert_int_equal(store->ops->commit(store), STORE_AWAY);
    assert_string_equal(pg_world_sql(world, "SELECT count(*) FROM @event"), "1");
}

static void members_that_have_left_are_forgotten(void **state)
{
    struct pg_world *world = *state;
    uint64_t id = 0;

    for (int i = 0; i < 3; i++) {
        struct store *store = pg_world_open(world, STORE_SERVE);
        if (i == 1)
            id = pg_world_append(store, "r");
        world->store = store->ops->close(store);
    }
    assert_string_equal(pg_world_sql(world, "SELECT count(*) FROM @member"), "1"); /* has a row */
    must_deliver(pg_world_open(world, STORE_SERVE), id);
    world->store = world->store->ops->close(world->store);
    (void)pg_world_open(world, STORE_SERVE);
    assert_string_equal(pg_world_sql(world, "SELECT count(*) FROM @member"), "1"); /* the new one */
    assert_string_equal(pg_world_sql(world, "SELECT count(*) FROM @beat"), "1");
}

/* ---- Refusals ---- */

static void newer_tables_are_refused(void **state)
{
    struct pg_world *world = *state;
    struct store *store = pg_world_open(world, STORE_SERVE);

    world->store = store->ops->close(store);
    (void)pg_world_sql(world, "UPDATE @meta SET version = 99");
    pg_world_refused(world, STORE_REFUSED, "was made by a newer version of convex-relay");
    assert_int_equal(pg_world_try(world, STORE_BESIDE, &store), STORE_REFUSED);
    (void)pg_world_sql(world, "UPDATE @meta SET version = 1, oldest_program = 99");
    pg_world_refused(world, STORE_REFUSED, "was made by a newer version of convex-relay");
}

static void another_convex_is_refused(void **state)
{
    struct pg_world *world = *state;

    world->options.convex_url = "https://a.convex.cloud";
    struct store *store = pg_world_open(world, STORE_SERVE);
    world->store = store->ops->close(store);
    world->options.convex_url = "https://b.convex.cloud";
    pg_world_refused(world, STORE_REFUSED, "belongs to another CONVEX_URL");
    world->options.convex_url = NULL;
    store = pg_world_open(world, STORE_BESIDE); /* a command does not send */
    store->ops->close(store);
}

static void command_makes_no_outbox(void **state)
{
    struct pg_world *world = *state;
    struct store *store;

    assert_int_equal(pg_world_try(world, STORE_BESIDE, &store), STORE_REFUSED);
    assert_non_null(strstr(world->why, "holds no outbox; the relay makes it"));
}

/* Runs what the refusal says, as somebody who may. */
static void run_what_it_says(struct pg_world *world)
{
    const char *sql = strstr(world->why, "CREATE SCHEMA");

    assert_non_null(sql);
    (void)pg_cluster_sql(sql);
}

static void refusal_says_how_to_make_the_schema(void **state)
{
    struct pg_world *world = *state;
    char uri[512];

    (void)pg_cluster_uri();
    (void)pg_cluster_sql("DROP ROLE IF EXISTS \"poor one\"; CREATE ROLE \"poor one\" LOGIN");
    (void)snprintf(uri, sizeof(uri), "%s", pg_cluster_uri());
    (void)snprintf(strstr(uri, "user="), 32, "user=poor%%20one");
    world->options.uri = uri;
    pg_world_refused(world, STORE_REFUSED, "the role poor one may not make the schema");
    run_what_it_says(world);
    (void)pg_world_append(pg_world_open(world, STORE_SERVE), "r");
    world->store = world->store->ops->close(world->store);
    (void)pg_cluster_sql("DROP OWNED BY \"poor one\"; DROP ROLE \"poor one\"");
}

static void pose_as(const char *version)
{
    char sql[256];

    (void)snprintf(sql, sizeof(sql),
                   "CREATE OR REPLACE FUNCTION pg_catalog.version() RETURNS text LANGUAGE sql"
                   " AS $$SELECT '%s'$$",
                   version);
    (void)pg_cluster_sql(sql);
}

static void what_is_not_postgresql_is_refused(void **state)
{
    struct pg_world *world = *state;

    (void)pg_cluster_sql("ALTER FUNCTION pg_catalog.version() RENAME TO real_version");
    pose_as("CockroachDB CCL v23.2.0");
    pg_world_refused(world, STORE_REFUSED, "the server is CockroachDB, not PostgreSQL");
    pose_as("PostgreSQL 11.2-YB-2.20 on linux");
    pg_world_refused(world, STORE_REFUSED, "the server is YugabyteDB, not PostgreSQL");
    (void)pg_cluster_sql("DROP FUNCTION pg_catalog.version();"
                         " ALTER FUNCTION pg_catalog.real_version() RENAME TO version");
}

static void no_line_shows_a_password(void **state)
{
    struct pg_world *world = *state;
    struct store *store;

    world->options.uri = "postgresql://relay:PLANTED-secret@127.0.0.1:1/relay";
    assert_int_equal(pg_world_try(world, STORE_BESIDE, &store), STORE_BUSY);
    assert_non_null(strstr(world->why, "PostgreSQL cannot be reached: "));
    assert_null(strstr(world->why, "PLANTED"));
    store = pg_world_open(world, STORE_SERVE);
    assert_non_null(strstr(store->why_away, "refused"));
    assert_null(strstr(store->why_away, "PLANTED"));
    world->store = store->ops->close(store);
    world->options.uri = "postgresql://relay:PLANTED%zz@127.0.0.1:1/relay";
    pg_world_refused(world, STORE_REFUSED, "is no URI that libpq can read");
    assert_null(strstr(world->why, "PLANTED"));
}

/* ---- Copies ---- */

static int row_was_restored(void *ctx, const struct store_row *row)
{
    ++*(int *)ctx;
    assert_int_equal(row->state, STORE_DEAD);
    assert_true(row->died_ms > 0);
    assert_int_equal(row->stale, row->record.at != NULL);
    assert_true(row->body.len > 0);
    return 0;
}

/* Two events, one without a record; a letter; an offer. */
static void fill(struct store *store)
{
    struct store_row rows[] = {row_of(0), row_of(0), row_of(0), row_of(0)};

    rows[1].record = SPAN_NULL;
    rows[2].state = rows[3].state = STORE_DEAD;
    rows[2].died_ms = rows[3].died_ms = 5;
    must_begin(store);
    for (size_t i = 0; i < array_len(rows); i++)
        assert_int_equal(store->ops->append(store, &rows[i]), 0);
    must_commit(store);
    must_begin(store);
    assert_int_equal(store->ops->offer(store, rows[3].id, false), 0);
    must_commit(store);
}

static void assert_restored(struct store *store)
{
    int rows = 0;

    assert_int_equal(store->ops->read(store, &everything, row_was_restored, &rows), 0);
    assert_int_equal(rows, 4);
    assert_int_equal(counts_of(store).dead, 4);
    assert_int_equal(counts_of(store).pending, 0);
    assert_int_equal(counts_of(store).accepted, 4);
}

static void restored_copy_sends_nothing_by_itself(void **state)
{
    struct pg_world *world = *state;
    struct store *store = pg_world_open(world, STORE_SERVE);

    fill(store);
    world->store = store->ops->close(store);
    (void)pg_world_sql(world, "UPDATE @meta SET home = '1/2/3'");
    store = pg_world_open(world, STORE_SERVE);
    assert_restored(store);
    (void)pg_world_append(store, "r");
    world->store = store->ops->close(store); /* it is at home now */
    store = pg_world_open(world, STORE_SERVE);
    assert_int_equal(counts_of(store).pending, 1);
    assert_int_equal(counts_of(store).dead, 4);
}

/* Its tables are others, though the database is the same. */
static void schema_that_was_made_anew_is_a_copy(void **state)
{
    struct pg_world *world = *state;
    struct store *store = pg_world_open(world, STORE_SERVE);

    fill(store);
    world->store = store->ops->close(store);
    (void)pg_world_sql(world, "CREATE TABLE @other AS SELECT * FROM @meta; DROP TABLE @meta;"
                              " ALTER TABLE @other RENAME TO meta");
    (void)pg_world_sql(world, "GRANT ALL ON @meta TO PUBLIC");
    assert_restored(pg_world_open(world, STORE_SERVE));
}

static void adopted_copy_sends_nothing_either(void **state)
{
    struct pg_world *world = *state;
    struct store *store = pg_world_open(world, STORE_SERVE), *beside;
    uint64_t buried = 0;

    fill(store);
    world->store = store->ops->close(store);
    beside = pg_world_open(world, STORE_BESIDE);
    assert_int_equal(beside->ops->adopt(beside, &buried), 0);
    assert_int_equal(buried, 3);
    beside->ops->close(beside);
    assert_restored(pg_world_open(world, STORE_SERVE));
}

static void *adopt(void *store)
{
    uint64_t buried = 0;
    int r = ((struct store *)store)->ops->adopt(store, &buried);

    return (void *)(intptr_t)(r ? -1 : (int)buried);
}

/* A relay is at a transaction meanwhile, with an append that nobody else sees yet. */
static void adopting_misses_no_event_under_way(void **state)
{
    struct pg_world *world = *state;
    struct store *store = pg_world_open(world, STORE_SERVE);
    struct store *beside = pg_world_open(world, STORE_BESIDE);
    struct store_row row = row_of(0);
    pthread_t thread;
    void *buried;

    fill(store);
    row.record = SPAN_NULL;
    must_begin(store);
    assert_int_equal(store->ops->append(store, &row), 0);
    assert_int_equal(counts_of(store).pending, 4); /* the append has run */
    assert_int_equal(pthread_create(&thread, NULL, adopt, beside), 0);
    while (strcmp(pg_world_sql(world, "SELECT count(*) FROM pg_locks WHERE NOT granted"), "0") == 0)
        (void)usleep(1000);
    must_commit(store);
    assert_int_equal(pthread_join(thread, &buried), 0);
    assert_int_equal((intptr_t)buried, 4);
    assert_string_equal(pg_world_sql(world, "SELECT count(*) FROM @event"), "0");
    assert_int_equal(counts_of(beside).dead, 5);
    assert_int_equal(counts_of(beside).pending, 0);
    beside->ops->close(beside);
}

static const struct CMUnitTest tests[] = {
    pg_world_test(second_relay_is_put_off),
    pg_world_test(relay_that_says_nothing_is_taken_for_dead),
    pg_world_test(relay_that_was_taken_for_dead_is_told),
    pg_world_test(killed_relay_keeps_nobody_waiting),
    pg_world_test(relay_that_was_closed_commits_nothing),
    pg_world_test(another_epoch_keeps_from_settling),
    pg_world_test(members_that_have_left_are_forgotten),
    pg_world_test(newer_tables_are_refused),
    pg_world_test(another_convex_is_refused),
    pg_world_test(command_makes_no_outbox),
    pg_world_test(refusal_says_how_to_make_the_schema),
    pg_world_test(what_is_not_postgresql_is_refused),
    pg_world_test(no_line_shows_a_password),
    pg_world_test(restored_copy_sends_nothing_by_itself),
    pg_world_test(schema_that_was_made_anew_is_a_copy),
    pg_world_test(adopted_copy_sends_nothing_either),
    pg_world_test(adopting_misses_no_event_under_way),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
