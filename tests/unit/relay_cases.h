/* SPDX-License-Identifier: MIT */
/* What the tests of the relay share: a world at hand, Convexes, and commands beside the relay. */
#pragma once

#include "outbox/outbox_ids.h"

#include "relay_world.h"

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
    if (shared->relay && !shared->meddled)
        assert_int_equal(world_sum(shared).pending + world_sum(shared).dead, pending + dead);
}

/* No command does this, so that the relay does not count it. */
static inline int bury_row(struct store *store, uint64_t id)
{
    const struct store_row row = {.id = id, .reason = SPAN("a test"), .died_ms = 1};

    return store->ops->bury(store, &row);
}

/* Does something to the id-th event in the store from outside, as a command would. */
static inline void change_beside(struct world *world,
                                 int (*change)(struct store *store, uint64_t id), uint64_t id)
{
    struct store *store = world_open(world, STORE_BESIDE);

    world->meddled = world->meddled || change == bury_row;
    assert_int_equal(store->ops->begin(store), 0);
    assert_int_equal(change(store, OUTBOX_IDS_FROM + id - 1), 0);
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

static inline int note_row(void *ctx, const struct store_row *row)
{
    (void)row;
    *(bool *)ctx = true;
    return 0;
}

static inline bool the_replay_was_taken_up(struct world *world)
{
    const struct store_filter replays = {
        .first = STORE_OFFERED, .last = STORE_FORCED, .rows_max = 1, .bare = true};
    struct store *store = world_open(world, STORE_BESIDE);
    bool waits = false;

    assert_int_equal(store->ops->read(store, &replays, note_row, &waits), 0);
    store->ops->close(store);
    return !waits;
}

static inline bool a_replay_waits(struct world *world)
{
    struct outbox_status status;

    outbox_status(world->outbox, &status);
    return status.offers;
}

/* The outbox looks for replays once a second of its own, real time. */
static inline void take_up_replay(struct world *world)
{
    world_run_until(world, the_replay_was_taken_up, 1000 * WORLD_DAY_MS);
    world_run(world, 10);
}

static inline int replay_all(struct store *store, uint64_t letters)
{
    int r = 0;

    for (uint64_t id = OUTBOX_IDS_FROM; id <= letters && !r; id++)
        r = store->ops->offer(store, id, false);
    return r;
}

/* ---- more than a window ---- */

enum {
    BACKLOG = 5000, /* the window holds fewer, and fewer are buried at once */
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
