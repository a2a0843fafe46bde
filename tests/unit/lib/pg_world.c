/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/pg_world.h"

#include "outbox/pg_run.h"

enum { RESUME_TRIES = 200, RESUME_PAUSE_US = 20 * 1000 };

int pg_world_setup(void **state)
{
    static int n;
    struct pg_world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    (void)snprintf(world->schema, sizeof(world->schema), "world_%d", ++n);
    world->options = (struct store_options){.uri = pg_cluster_uri(), .schema = world->schema};
    *state = world;
    return 0;
}

int pg_world_teardown(void **state)
{
    struct pg_world *world = *state;
    char sql[96];

    if (world->store)
        world->store->ops->close(world->store);
    (void)snprintf(sql, sizeof(sql), "DROP SCHEMA IF EXISTS \"%s\" CASCADE", world->schema);
    (void)pg_cluster_sql(sql);
    free(world);
    return 0;
}

int pg_world_try(struct pg_world *world, enum store_mode mode, struct store **store)
{
    cleanup(buf_done) struct buf why = BUF_NULL;
    struct store_options options = world->options;

    options.mode = mode;
    options.why = &why;
    int r = store_pg_open(&options, store);
    (void)snprintf(world->why, sizeof(world->why), "%s", r ? buf_string(&why) : "");
    return r;
}

struct store *pg_world_open(struct pg_world *world, enum store_mode mode)
{
    struct store *store = NULL;
    int r = pg_world_try(world, mode, &store);

    if (r)
        print_error("open: %d %s\n", r, world->why);
    assert_int_equal(r, 0);
    if (mode == STORE_SERVE)
        world->store = store;
    return store;
}

void pg_world_refused(struct pg_world *world, int r, const char *text)
{
    struct store *store = NULL;

    assert_int_equal(pg_world_try(world, STORE_SERVE, &store), r);
    if (!strstr(world->why, text) || strchr(world->why, '\n'))
        fail_msg("why:    %s\nshould: %s", world->why, text);
}

const char *pg_world_sql(struct pg_world *world, const char *sql)
{
    char *text = pg_run_text(world->schema, sql);
    const char *value = pg_cluster_sql(text);

    free(text);
    return value;
}

uint64_t pg_world_append(struct store *store, const char *record)
{
    struct store_row row = row_of(0);

    row.record = span_of(record);
    must_begin(store);
    assert_int_equal(store->ops->append(store, &row), 0);
    must_commit(store);
    assert_true(row.id > 0);
    return row.id;
}

bool pg_world_resumed(struct store *store)
{
    bool committed = false;
    int r = STORE_AWAY;

    for (int i = 0; i < RESUME_TRIES && r == STORE_AWAY; i++) {
        assert_non_null(store->why_away);
        r = store->ops->resume(store, &committed);
        if (r)
            (void)usleep(RESUME_PAUSE_US);
    }
    if (r)
        print_error("away: %s\n", store->why_away);
    assert_int_equal(r, 0);
    return committed;
}
