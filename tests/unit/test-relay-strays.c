/* SPDX-License-Identifier: MIT */
/* Pending events whose model has lost its route become dead letters. */
#include "relay/delivery.h"
#include "relay_cases.h"

static const char users_only[] = "{\"users\":{\"mutation\":\"users:syncFromBlade\"}}";

static bool nothing_is_pending(struct world *world)
{
    struct outbox_status status;

    outbox_status(world->outbox, &status);
    return status.counts.pending == 0 && relay_pending(world->relay) == 0;
}

static struct world_answer takes_its_time(struct world *world, const char *path, int record,
                                          int number)
{
    (void)world, (void)path, (void)record, (void)number;
    struct world_answer answer = world_done();
    answer.after_ms = 1000;
    return answer;
}

static struct world_answer loses_slowly(struct world *world, const char *path, int record,
                                        int number)
{
    (void)world, (void)path, (void)record, (void)number;
    struct world_answer answer = world_lost();
    answer.after_ms = 1000;
    return answer;
}

static int row_is_no_route(void *ctx, const struct store_row *row)
{
    assert_int_equal(row->state, STORE_DEAD);
    assert_same_text(row->reason, SPAN("There is no route for the model"));
    assert_true(row->died_ms > 0);
    *(uint64_t *)ctx += row->stale;
    return 0;
}

/* All that is left are letters of that kind. How many of them are stale. */
static uint64_t assert_strays(struct world *world)
{
    const struct store_filter all = {.last = STORE_FORCED, .bare = true};
    struct store *store = world_open(world, STORE_BESIDE);
    uint64_t stale = 0;

    assert_int_equal(store->ops->read(store, &all, row_is_no_route, &stale), 0);
    store->ops->close(store);
    return stale;
}

/* ---- on disk ---- */

static void test_a_start_without_the_route(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(20, is_away);
    struct capture log;

    send_backlog(world, "posts");
    (void)world_send(world, "users", 1, 1);
    world_run(world, 1000);
    world_stop(world);
    world_load_routes(world, users_only);
    world->attempts = 0;
    world->convex = takes_all;
    capture_begin(&log);
    world_start(world);
    world_run_until(world, nothing_is_pending, 60000);
    world_run(world, 30000);
    capture_end(&log);
    assert_counts(1, BACKLOG, 0);
    assert_int_equal(world->attempts, 1);
    assert_int_equal(assert_strays(world), 0);
    assert_int_equal(capture_count(&log, "no route"), 1);
    assert_int_equal(capture_count(&log, "model=posts events=5000"), 1);
    assert_int_equal(capture_count(&log, "dead letter\" id"), 0);
    capture_done(&log);
}

static void test_a_letter_is_replayed_once_the_route_is_back(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(20, is_away);

    (void)world_send(world, "posts", 1, 1);
    world_run(world, 100);
    world_reload(world, users_only);
    world_run_until(world, nothing_is_pending, 60000);
    assert_counts(0, 1, 0);
    world_reload(world, NULL);
    world->convex = takes_all;
    change_beside(world, replay_row, 1);
    take_up_replay(world);
    world_run_until(world, nothing_is_left, 120000);
    assert_counts(1, 0, 0);
}

/* A crash can leave them, between the taking up of a replay and its second burial. */
static void test_pending_rows_without_a_model(void **state)
{
    (void)state;
    struct world *world = begin(&plain, takes_all);
    const struct store_row nameless = {.id = 1, .body = SPAN("{}"), .arrived_ms = 1};

    world_stop(world);
    struct store *store = world_open(world, STORE_SERVE);
    assert_int_equal(store->ops->begin(store), 0);
    assert_int_equal(store->ops->append(store, &nameless), 0);
    assert_int_equal(store->ops->commit(store), 0);
    store->ops->close(store);
    world_start(world);
    world_run_until(world, nothing_is_pending, 1000);
    assert_counts(0, 1, 0);
    assert_strays(world);
}

static void test_a_failing_disk_is_asked_again(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(20, is_away);

    (void)world_send(world, "posts", 1, 1);
    world_run(world, 100);
    world_stop(world);
    world_load_routes(world, users_only);
    world_start(world);
    fault_store_set(&world->disk, FAULT_COMMIT, STORE_BROKEN);
    world_run(world, 1000);
    assert_counts(0, 0, 1);
    fault_store_set(&world->disk, FAULT_COMMIT, 0);
    world_run_until(world, nothing_is_pending, 20000);
    assert_counts(0, 1, 0);
}

/* ---- in memory ---- */

static void test_a_reload_without_the_route(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(20, is_away);
    struct capture log;

    send_backlog(world, "posts");
    world_run(world, 100);
    assert_true(relay_pending(world->relay) < BACKLOG);
    capture_begin(&log);
    world_reload(world, users_only);
    world_run_until(world, nothing_is_pending, 60000);
    world_run(world, 30000);
    capture_end(&log);
    assert_counts(0, BACKLOG, 0);
    assert_strays(world);
    assert_int_equal(capture_count(&log, "model=posts events=5000"), 1);
    assert_int_equal(capture_count(&log, "dead letter\" id"), 0);
    capture_done(&log);
}

/* What a page brings when the route has gone since it was asked for. */
static void test_a_page_comes_too_late(void **state)
{
    (void)state;
    struct world *world = begin(&plain, takes_all);

    send_backlog(world, "posts");
    const struct relay_route *posts = relay_route_find(world->relay, SPAN("posts"));
    while (!posts->reading) {
        world->now_ms += world->options.step_ms;
        assert_int_equal(loop_turn(world->loop), 0);
    }
    int attempts = world->attempts;
    world_reload(world, users_only);
    world_run_until(world, nothing_is_pending, 60000);
    assert_int_equal(world->attempts, attempts);
    struct store_counts counts = world_counts(world);
    assert_int_equal(counts.delivered + counts.dead, BACKLOG);
    assert_int_equal(counts.delivered, attempts);
}

static struct flight_row {
    const char *name;
    world_convex_fn convex;
    uint64_t delivered, dead;
} flight_rows[] = {
    {"an attempt in flight counts if it succeeds", takes_its_time, 1, 2},
    {"an attempt in flight is the last one", loses_slowly, 0, 3},
};

static void test_in_flight(void **state)
{
    const struct flight_row *row = *state;
    struct world *world = begin(&plain, row->convex);
    struct sender *first = world_send(world, "posts", 1, 1);
    struct sender *behind = world_send(world, "posts", 1, 2);

    (void)world_send(world, "posts", 1, 3);
    world_run(world, 100);
    world_reload(world, users_only);
    world_run(world, 100);
    assert_false(first->answered);
    assert_true(behind->answered); /* as the router answers for a model without a route */
    assert_int_equal(behind->reply, REPLY_DELIVERED);
    world_run_until(world, nothing_is_pending, 2000);
    assert_int_equal(world->attempts, 1);
    assert_counts(row->delivered, row->dead, 0);
    assert_strays(world);
}

/* Whoever comes behind a letter that is still being written waits for it, as ever. */
static void test_the_route_is_back_before_the_letter_is_written(void **state)
{
    (void)state;
    struct world *world = begin(&plain, takes_its_time);

    (void)world_send(world, "posts", 1, 1);
    (void)world_send(world, "posts", 1, 2);
    world_run(world, 100);
    fault_store_set(&world->disk, FAULT_BURY, STORE_BROKEN);
    world_reload(world, users_only);
    world_run(world, 2000); /* the first is delivered, the second comes to the head of the lane */
    world_reload(world, NULL);
    (void)world_send(world, "posts", 1, 3);
    world_run(world, 3000);
    assert_int_equal(world->attempts, 1);
    assert_counts(1, 0, 2);
    fault_store_set(&world->disk, FAULT_BURY, 0);
    world_run_until(world, nothing_is_pending, 5000);
    assert_int_equal(world->attempts, 2);
    assert_counts(2, 1, 0);
    assert_int_equal(assert_strays(world), 1);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest plain_tests[] = {
        ROW(test_a_start_without_the_route),
        ROW(test_a_letter_is_replayed_once_the_route_is_back),
        ROW(test_pending_rows_without_a_model),
        ROW(test_a_failing_disk_is_asked_again),
        ROW(test_a_reload_without_the_route),
        ROW(test_a_page_comes_too_late),
        ROW(test_the_route_is_back_before_the_letter_is_written),
    };
    struct CMUnitTest tests[array_len(plain_tests) + array_len(flight_rows)];
    size_t len = array_len(plain_tests);

    memcpy(tests, plain_tests, sizeof(plain_tests));
    (void)cases_add(tests, len, flight_rows, test_in_flight);
    log_setup(LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
