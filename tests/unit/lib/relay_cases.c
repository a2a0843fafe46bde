/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/relay_cases.h"

struct world *shared; /* of the test at hand, for cleanup when it fails half-way */

struct world *begin(const struct world_options *options, world_convex_fn convex)
{
    shared = world_new(options);
    shared->convex = convex;
    return shared;
}

int end(void **state)
{
    (void)state;
    if (shared)
        world_free(shared);
    shared = NULL;
    return 0;
}

const struct world_options plain = {.sync_wait_ms = 10000};

struct world *begin_in_steps(int64_t step_ms, world_convex_fn convex)
{
    struct world_options options = plain;

    options.step_ms = step_ms;
    return begin(&options, convex);
}

size_t end_each(struct CMUnitTest *tests, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        tests[i].teardown_func = end;
    return to;
}

struct world_answer world_conflict(void)
{
    return world_http(503, "{\"code\":\"OptimisticConcurrencyControlFailure\",\"message\":\"\"}");
}

struct world_answer takes_all(struct world *world, const char *path, int record, int number)
{
    (void)world, (void)path, (void)record, (void)number;
    return world_done();
}

struct world_answer rejects_all(struct world *world, const char *path, int record, int number)
{
    (void)world, (void)path, (void)record, (void)number;
    return world_rejected();
}

struct world_answer is_away(struct world *world, const char *path, int record, int number)
{
    (void)world, (void)path, (void)record, (void)number;
    return world_unreachable();
}

struct world_answer has_no_posts(struct world *world, const char *path, int record, int number)
{
    (void)world, (void)record, (void)number;
    return strncmp(path, "posts:", 6) == 0 ? world_no_function() : world_done();
}

bool nothing_is_left(struct world *world)
{
    return relay_pending(world->relay) == 0;
}

void assert_counts(uint64_t delivered, uint64_t dead, uint64_t pending)
{
    struct store_counts counts = world_counts(shared);

    assert_int_equal(counts.delivered, delivered);
    assert_int_equal(counts.dead, dead);
    assert_int_equal(counts.pending, pending);
    if (shared->relay)
        assert_int_equal(world_sum(shared).pending + world_sum(shared).dead, pending + dead);
}

const char *held_of(struct world *world, const char *model)
{
    cleanup(snapshot_done) struct snapshot snapshot = {0};
    const struct snapshot_route *route = world_look(world, &snapshot, model);

    return route ? route->held : NULL;
}

int bury_row(struct store *store, uint64_t id)
{
    const struct store_row row = {.id = id, .reason = SPAN("a test"), .died_ms = 1};

    return store->ops->bury(store, &row);
}

uint64_t id_of(uint64_t n)
{
    return OUTBOX_IDS_FROM - 1 + n;
}

void change_beside(struct world *world, int (*change)(struct store *store, uint64_t id), uint64_t n)
{
    struct store *store = world_open(world, STORE_BESIDE);

    assert_int_equal(store->ops->begin(store), 0);
    assert_int_equal(change(store, id_of(n)), 0);
    assert_int_equal(store->ops->commit(store), 0);
    store->ops->close(store);
}

/* Writes a route for each model, with those members more. */
static void write_routes(const char *members, char *json, size_t size)
{
    size_t len = 0;

    for (int i = 0; i < MANY_ROUTES; i++)
        len += (size_t)snprintf(json + len, size - len, "%c\"m%d\":{\"mutation\":\"m%d:f\"%s}",
                                i ? ',' : '{', i, i, members);
    (void)snprintf(json + len, size - len, "}");
}

const char *many_routes(void)
{
    static char json[MANY_ROUTES * 64];

    write_routes("", json, sizeof(json));
    return json;
}

const char *batching_routes(void)
{
    static char json[MANY_ROUTES * 128];

    write_routes(",\"batch\":\"m:fBatch\",\"sequence\":\"seq\"", json, sizeof(json));
    return json;
}

int replay_row(struct store *store, uint64_t id)
{
    return store->ops->offer(store, id, false);
}

int replay_is_stale(struct store *store, uint64_t id)
{
    return store->ops->offer(store, id, false) == STORE_STALE ? 0 : -1;
}

int force_row(struct store *store, uint64_t id)
{
    return store->ops->offer(store, id, true);
}

int discard_row(struct store *store, uint64_t id)
{
    return store->ops->discard(store, id);
}

int replay_all(struct store *store, uint64_t last_id)
{
    int r = 0;

    for (uint64_t id = id_of(1); id <= last_id && !r; id++)
        r = store->ops->offer(store, id, false);
    return r;
}

enum { LETTERS_MAX = 4096 }; /* of a command */

static uint64_t letters[LETTERS_MAX];
static size_t letters_len;

static int note_letter(void *ctx, const struct store_row *row)
{
    (void)ctx;
    if (letters_len < LETTERS_MAX)
        letters[letters_len++] = row->id;
    return 0;
}

static void offer_letters(struct world *world, bool (*wanted)(void), bool force)
{
    const struct store_filter dead = {.first = STORE_DEAD, .last = STORE_DEAD, .bare = true};
    struct store *store = world_open(world, STORE_BESIDE);

    letters_len = 0;
    assert_int_equal(store->ops->begin(store), 0);
    assert_int_equal(store->ops->read(store, &dead, note_letter, NULL), 0);
    for (size_t i = 0; i < letters_len; i++) {
        if (wanted())
            (void)store->ops->offer(store, letters[i], force); /* it may be stale */
    }
    assert_int_equal(store->ops->commit(store), 0);
    store->ops->close(store);
}

void replay_letters(struct world *world, bool (*wanted)(void))
{
    offer_letters(world, wanted, false);
}

void force_letters(struct world *world, bool (*wanted)(void))
{
    offer_letters(world, wanted, true);
}

static int note_row(void *ctx, const struct store_row *row)
{
    (void)row;
    ++*(int *)ctx;
    return 0;
}

int rows_in(struct world *world, enum store_state first, enum store_state last)
{
    const struct store_filter filter = {.first = first, .last = last, .bare = true};
    struct store *store = world_open(world, STORE_BESIDE);
    int rows = 0;

    assert_int_equal(store->ops->read(store, &filter, note_row, &rows), 0);
    store->ops->close(store);
    return rows;
}

bool no_offer_waits(struct world *world)
{
    return rows_in(world, STORE_OFFERED, STORE_FORCED) == 0;
}

void await_offers(struct world *world)
{
    world_run_until(world, no_offer_waits, 1000 * WORLD_DAY_MS);
    world_run(world, 10);
}

/* ---- more than a window ---- */

void send_backlog(struct world *world, const char *model)
{
    for (int i = 0; i < BACKLOG; i++)
        (void)world_send(world, model, i % BACKLOG_RECORDS, i / BACKLOG_RECORDS + 1);
}
