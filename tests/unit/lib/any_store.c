/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/any_store.h"

#ifdef OUTBOX_POSTGRESQL
#include "outbox/store_pg.h"
#include "tests/unit/lib/pg_cluster.h"

static struct store *any_store_open_database(struct folder *folder, enum store_mode mode)
{
    struct store *store = NULL;
    const char *schema = strrchr(folder->at, '-') + 1;
    const struct store_options options = {
        .uri = pg_cluster_uri(), .schema = schema, .mode = mode, .why = &folder->why};
    int r = store_pg_open(&options, &store);

    if (r)
        print_error("open: %d %.*s\n", r, (int)folder->why.len, folder->why.at);
    assert_int_equal(r, 0);
    return store;
}
#else
static struct store *any_store_open_database(struct folder *folder, enum store_mode mode)
{
    return folder_open(folder, mode);
}
#endif

bool any_store_is_journal(void)
{
    const char *kind = getenv("CONVEX_RELAY_TEST_STORE");

    return kind && strcmp(kind, "postgresql") == 0;
}

static struct store *any_store_open_in(struct folder *folder, enum store_mode mode)
{
    return any_store_is_journal() ? any_store_open_database(folder, mode)
                                  : folder_open(folder, mode);
}

struct store *any_store_open(struct folder *folder)
{
    return any_store_open_in(folder, STORE_SERVE);
}

struct store *any_store_open_beside(struct folder *folder)
{
    return any_store_open_in(folder, STORE_BESIDE);
}

int any_store_missing(void)
{
    return any_store_is_journal() ? 0 : STORE_MISSING;
}

int any_store_run(const struct CMUnitTest *tests, size_t len, size_t not_of_journals)
{
    if (any_store_is_journal())
        len -= not_of_journals;
    return _cmocka_run_group_tests("tests", tests, len, NULL, NULL);
}

int any_store_setup(void **state)
{
    struct any_store *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    folder_make(&world->folder);
    world->store = any_store_open(&world->folder);
    *state = world;
    return 0;
}

int any_store_teardown(void **state)
{
    struct any_store *world = *state;

    world->store = world->store->ops->close(world->store);
    folder_empty(&world->folder);
    free(world);
    return 0;
}

struct store *any_store_reopen(struct any_store *world)
{
    world->store->ops->close(world->store);
    world->store = any_store_open(&world->folder);
    return world->store;
}

const struct store_filter everything = {.first = STORE_PENDING, .last = STORE_FORCED};

static int row_must_be(void *ctx, const struct store_row *row)
{
    const struct store_row *should = ctx;

    assert_int_equal(row->id, should->id);
    assert_int_equal(row->state, should->state);
    assert_int_equal(row->arrived_ms, should->arrived_ms);
    assert_int_equal(row->since_ms, should->since_ms ? should->since_ms : should->arrived_ms);
    assert_int_equal(row->attempts, should->attempts);
    assert_int_equal(row->tried_ms, should->tried_ms);
    assert_int_equal(row->died_ms, should->died_ms);
    assert_int_equal(row->stale, should->stale);
    assert_int_equal(row->was, should->was);
    assert_int_equal(row->sequence, should->sequence);
    assert_int_equal(row->request.at != NULL, should->request.at != NULL);
    assert_same_text(row->request, should->request);
    assert_int_equal(row->import.at != NULL, should->import.at != NULL);
    assert_same_text(row->import, should->import);
    assert_int_equal(row->model.at != NULL, should->model.at != NULL);
    assert_same_text(row->model, should->model);
    assert_int_equal(row->record.at != NULL, should->record.at != NULL);
    assert_same_text(row->record, should->record);
    assert_int_equal(row->reason.at != NULL, should->reason.at != NULL);
    assert_same_text(row->reason, should->reason);
    assert_non_null(row->body.at);
    assert_same_text(row->body, should->body);
    return 0;
}

void assert_only_row(struct store *store, struct store_row should)
{
    char id[24];

    (void)snprintf(id, sizeof(id), "%llu", (unsigned long long)should.id);
    assert_string_equal(ids_of(store, everything), id);
    assert_int_equal(store->ops->read(store, &everything, row_must_be, &should), 0);
}
