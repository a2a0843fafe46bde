/* SPDX-License-Identifier: MIT */
/* What the tests of the relay share: a world at hand, Convexes, and commands beside the relay. */
#pragma once

#include "relay_world.h"

#include "outbox/outbox_ids.h"

static struct world *shared; /* of the test at hand, for cleanup when it fails half-way */

static inline struct world *begin(const struct world_options *options, world_convex_fn convex)
{
    shared = world_new(options);
    shared->convex = convex;
    return shared;
}

static inline int end(void **state)
{
    (void)state;
    if (shared)
        world_free(shared);
    shared = NULL;
    return 0;
}

static const struct world_options plain = {.sync_wait_ms = 10000};

/* Where much time passes: a step of the world is so long. */
static inline struct world *begin_in_steps(int64_t step_ms, world_convex_fn convex)
{
    struct world_options options = plain;

    options.step_ms = step_ms;
    return begin(&options, convex);
}

/* After each of the tests between the two places comes end(). Returns to. */
static inline size_t end_each(struct CMUnitTest *tests, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        tests[i].teardown_func = end;
    return to;
}

/* As rows_add(), of tests that begin a world. */
#define cases_add(tests, len, rows, test)                                                          \
    end_each((tests), (len), rows_add((tests), (len), rows, test))

static inline struct world_answer world_conflict(void)
{
    return world_http(503, "{\"code\":\"OptimisticConcurrencyControlFailure\",\"message\":\"\"}");
}

static inline struct world_answer takes_all(struct world *world, const char *path, int record,
                                            int number)
{
    (void)world, (void)path, (void)record, (void)number;
    return world_done();
}

static inline struct world_answer rejects_all(struct world *world, const char *path, int record,
                                              int number)
{
    (void)world, (void)path, (void)record, (void)number;
    return world_rejected();
}

static inline struct world_answer is_away(struct world *world, const char *path, int record,
                                          int number)
{
    (void)world, (void)path, (void)record, (void)number;
    return world_unreachable();
}

static inline struct world_answer has_no_posts(struct world *world, const char *path, int record,
                                               int number)
{
    (void)world, (void)record, (void)number;
    return strncmp(path, "posts:", 6) == 0 ? world_no_function() : world_done();
}

static inline bool nothing_is_left(struct world *world)
{
    return relay_pending(world->relay) == 0;
}

static inline void assert_counts(uint64_t delivered, uint64_t dead, uint64_t pending)
{
    struct store_counts counts = world_counts(shared);

    assert_int_equal(counts.delivered, delivered);
    assert_int_equal(counts.dead, dead);
    assert_int_equal(counts.pending, pending);
    if (shared->relay)
        assert_int_equal(world_sum(shared).pending + world_sum(shared).dead, pending + dead);
}

/* No command does this. */
static inline int bury_row(struct store *store, uint64_t id)
{
    const struct store_row row = {.id = id, .reason = SPAN("a test"), .died_ms = 1};

    return store->ops->bury(store, &row);
}

/* The id of the n-th event since the outbox was made: the world's clock is a slow one. */
static inline uint64_t id_of(uint64_t n)
{
    return OUTBOX_IDS_FROM - 1 + n;
}

/* Does something to the n-th event's row from outside, as a command would. */
static inline void change_beside(struct world *world,
                                 int (*change)(struct store *store, uint64_t id), uint64_t n)
{
    struct store *store = world_open(world, STORE_BESIDE);

    assert_int_equal(store->ops->begin(store), 0);
    assert_int_equal(change(store, id_of(n)), 0);
    assert_int_equal(store->ops->commit(store), 0);
    store->ops->close(store);
}

enum {
    MANY_ROUTES = 64, /* "m0", "m1" ... */
    MANY_WINDOW = 64, /* places of each in memory */
};

/* So that the window is small, and few events fill it. */
static inline const char *many_routes(void)
{
    static char json[MANY_ROUTES * 64];
    size_t len = 0;

    for (int i = 0; i < MANY_ROUTES; i++)
        len += (size_t)snprintf(json + len, sizeof(json) - len,
                                "%c\"m%d\":{\"mutation\":\"m%d:f\"}", i ? ',' : '{', i, i);
    (void)snprintf(json + len, sizeof(json) - len, "}");
    return json;
}

static inline int replay_row(struct store *store, uint64_t id)
{
    return store->ops->offer(store, id, false);
}

/* 0 where a replay is refused since a newer event of the record was delivered. */
static inline int replay_is_stale(struct store *store, uint64_t id)
{
    return store->ops->offer(store, id, false) == STORE_STALE ? 0 : -1;
}

static inline int force_row(struct store *store, uint64_t id)
{
    return store->ops->offer(store, id, true);
}

static inline int discard_row(struct store *store, uint64_t id)
{
    return store->ops->discard(store, id);
}

/* The first n events, all of them letters. */
static inline int replay_all(struct store *store, uint64_t last_id)
{
    int r = 0;

    for (uint64_t id = id_of(1); id <= last_id && !r; id++)
        r = store->ops->offer(store, id, false);
    return r;
}

static inline int note_row(void *ctx, const struct store_row *row)
{
    (void)row;
    ++*(int *)ctx;
    return 0;
}

/* How many rows are in these states. */
static inline int rows_in(struct world *world, enum store_state first, enum store_state last)
{
    const struct store_filter filter = {.first = first, .last = last, .bare = true};
    struct store *store = world_open(world, STORE_BESIDE);
    int rows = 0;

    assert_int_equal(store->ops->read(store, &filter, note_row, &rows), 0);
    store->ops->close(store);
    return rows;
}

static inline bool no_offer_waits(struct world *world)
{
    return rows_in(world, STORE_OFFERED, STORE_FORCED) == 0;
}

/* The outbox looks for what other processes have done once a second of its own, real time. */
static inline void await_offers(struct world *world)
{
    world_run_until(world, no_offer_waits, 1000 * WORLD_DAY_MS);
    world_run(world, 10);
}

/* ---- more than a window ---- */

enum {
    BACKLOG = 5000, /* the window holds fewer */
    BACKLOG_RECORDS = 50,
};

static inline void send_backlog(struct world *world, const char *model)
{
    for (int i = 0; i < BACKLOG; i++)
        (void)world_send(world, model, i % BACKLOG_RECORDS, i / BACKLOG_RECORDS + 1);
}

/* ---- the log ---- */

/* Standard error goes to a file. */
struct capture {
    char path[32];
    int file, before;
};

static inline void capture_begin(struct capture *capture)
{
    (void)snprintf(capture->path, sizeof(capture->path), "/tmp/relay-log-XXXXXX");
    capture->file = mkstemp(capture->path);
    capture->before = dup(STDERR_FILENO);
    assert_true(capture->file >= 0 && capture->before >= 0);
    log_setup(LOG_INFO, LOG_TEXT);
    assert_true(dup2(capture->file, STDERR_FILENO) >= 0);
}

static inline void capture_end(struct capture *capture)
{
    assert_true(dup2(capture->before, STDERR_FILENO) >= 0);
    log_setup(LOG_ERROR, LOG_TEXT);
    (void)close(capture->file);
    (void)close(capture->before);
}

/* How many lines hold a text. */
static inline int capture_count(struct capture *capture, const char *text)
{
    FILE *in = fopen(capture->path, "r");
    char line[1024];
    int lines = 0;

    assert_non_null(in);
    while (fgets(line, sizeof(line), in))
        lines += strstr(line, text) != NULL;
    assert_int_equal(fclose(in), 0);
    return lines;
}

static inline void capture_done(struct capture *capture)
{
    assert_int_equal(unlink(capture->path), 0);
}
