/* SPDX-License-Identifier: MIT */
/* Events whose model has lost its route wait, in order, until there is one again. */
#include "tests/unit/lib/capture.h"
#include "tests/unit/lib/fault_allocator.h"
#include "tests/unit/lib/relay_cases.h"

static const char users_only[] = "{\"users\":{\"mutation\":\"users:syncFromBlade\"}}";

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

static struct without_row {
    const char *name;
    bool restarts;
} without_rows[] = {
    {"a reload without the route", false},
    {"a start without the route", true},
};

/* More than a window of them. */
static void test_without_the_route(void **state)
{
    const struct without_row *row = *state;
    struct world *world = begin_in_steps(20, is_away);

    send_backlog(world, "posts");
    (void)world_send(world, "users", 1, 1);
    world_run(world, 1000);
    assert_null(row->restarts ? held_of(world, "comments") : NULL);
    log_setup(LOG_INFO, LOG_TEXT);
    capture_begin();
    if (row->restarts) {
        world_stop(world);
        world_load_routes(world, users_only);
        world_start(world);
    } else {
        world_reload(world, users_only);
    }
    world->convex = takes_all;
    world->attempts = 0;
    world_run(world, 120 * 1000);
    const char *log = capture_end();
    log_setup(LOG_ERROR, LOG_TEXT);
    assert_counts(1, 0, BACKLOG);
    assert_int_equal(world->attempts, 1);
    assert_string_equal(held_of(world, "posts"), "no route");
    assert_int_equal(capture_count(log, "the model has no route: its events wait"), 1);
    assert_int_equal(capture_count(log, "model=posts events=5000"), 1);

    world_reload(world, NULL);
    assert_null(held_of(world, "posts"));
    world_run_until(world, nothing_is_left, 600 * 1000);
    assert_int_equal(world->disorders, 0);
    assert_counts(BACKLOG + 1, 0, 0);
}

/* Those that come while there is no route are letters, and say so. */
static void test_what_comes_meanwhile(void **state)
{
    (void)state;
    struct world *world = begin(&plain, is_away);

    (void)world_send(world, "posts", 1, 1);
    world_run(world, 100);
    world_reload(world, users_only);
    struct sender *sender = world_send(world, "posts", 1, 2);
    world_run(world, 100);
    assert_int_equal(sender->reply, REPLY_DELIVERED);
    assert_counts(0, 1, 1);
    world->convex = takes_all;
    world_reload(world, NULL);
    world_run_until(world, nothing_is_left, 120 * 1000);
    assert_counts(1, 1, 0);
    change_beside(world, replay_row, 2); /* newer than what was delivered */
    await_offers(world);
    world_run_until(world, nothing_is_left, 1000);
    assert_counts(2, 0, 0);
    assert_int_equal(world->disorders, 0);
}

/* Where memory is short such an event is not kept, and its sender is told. */
static void test_what_comes_meanwhile_and_finds_no_memory(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.routes = users_only;
    struct world *world = begin(&options, takes_all);

    fault_allocator_relay.empty = true;
    struct sender *sender = world_send(world, "posts", 1, 1);
    fault_allocator_end();
    assert_int_equal(sender->reply, REPLY_UNAVAILABLE);
    world_run(world, 100);
    assert_counts(0, 0, 0);
}

static struct flight_row {
    const char *name;
    world_convex_fn convex;
    uint64_t delivered, pending;
} flight_rows[] = {
    {"an attempt in flight counts if it succeeds", takes_its_time, 1, 2},
    {"an attempt in flight is the last one", loses_slowly, 0, 3},
};

static void test_in_flight(void **state)
{
    const struct flight_row *row = *state;
    struct world *world = begin(&plain, row->convex);

    for (int number = 1; number <= 3; number++)
        (void)world_send(world, "posts", 1, number);
    world_run(world, 100);
    world_reload(world, users_only);
    world_run(world, 60 * 1000);
    assert_int_equal(world->attempts, 1);
    assert_counts(row->delivered, 0, row->pending);
    world->convex = takes_all;
    world_reload(world, NULL);
    world_run_until(world, nothing_is_left, 120 * 1000);
    assert_int_equal(world->disorders, 0);
    assert_counts(3, 0, 0);
}

/* Also what is on disk only, behind a window. */
static void test_age_ends_it(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(1000, is_away);

    send_backlog(world, "posts");
    world_run(world, 5000);
    world_reload(world, users_only);
    world_run(world, 4 * WORLD_DAY_MS);
    assert_counts(0, BACKLOG, 0);
}

static void test_a_replay_is_refused(void **state)
{
    (void)state;
    struct world *world = begin(&plain, rejects_all);

    (void)world_send(world, "posts", 1, 1);
    (void)world_send(world, "comments", 1, 1); /* never had one */
    world_run(world, 100);
    world_reload(world, users_only);
    change_beside(world, replay_all, 2);
    await_offers(world);
    assert_counts(0, 2, 0);
    world->convex = takes_all;
    world_reload(world, NULL);
    change_beside(world, replay_row, 1);
    await_offers(world);
    world_run_until(world, nothing_is_left, 1000);
    assert_counts(1, 1, 0);
}

#define ROUTE(model) "\"" model "\":{\"mutation\":\"" model ":syncFromBlade\"}"

/* One line says how many there were, of however many models. */
static void test_replays_of_many_models_are_refused(void **state)
{
    (void)state;
    static const char *const models[] = {"a", "b", "c", "d", "e"};
    struct world *world = begin(&plain, rejects_all);

    world_reload(world, "{" ROUTE("a") "," ROUTE("b") "," ROUTE("c") "," ROUTE("d") "," ROUTE(
                            "e") "," ROUTE("users") "}");
    for (size_t i = 0; i < array_len(models); i++)
        (void)world_send(world, models[i], (int)i, 1);
    world_run(world, 100);
    assert_counts(0, array_len(models), 0);
    world_reload(world, users_only);
    world_run(world, 100);
    log_setup(LOG_INFO, LOG_TEXT);
    capture_begin();
    change_beside(world, replay_all, array_len(models));
    await_offers(world);
    const char *log = capture_end();
    log_setup(LOG_ERROR, LOG_TEXT);
    assert_counts(0, array_len(models), 0);
    assert_int_equal(capture_count(log, "replays refused"), 1);
    assert_int_equal(capture_count(log, "models=5 events=5"), 1);
}

static bool an_offer_is_noticed(struct world *world)
{
    return world_sum(world).pending == 2;
}

/* Where an event waits, an offer is refused: the log's number of waiting events has no offers in
 * it. */
static void test_offers_do_not_wait(void **state)
{
    (void)state;
    struct world *world = begin(&plain, rejects_all);

    (void)world_send(world, "posts", 1, 1);
    world_run(world, 100);
    world->convex = is_away;
    (void)world_send(world, "posts", 2, 1);
    world_run(world, 100);
    assert_counts(0, 1, 1);
    change_beside(world, replay_row, 1); /* no route is idle, so that it is not taken */
    world_run_until(world, an_offer_is_noticed, WORLD_DAY_MS);
    log_setup(LOG_INFO, LOG_TEXT);
    capture_begin();
    world_reload(world, users_only);
    world_run(world, 2000);
    const char *log = capture_end();
    log_setup(LOG_ERROR, LOG_TEXT);
    assert_counts(0, 1, 1);
    assert_int_equal(capture_count(log, "its events wait"), 1);
    assert_int_equal(capture_count(log, "model=posts events=1"), 2); /* one line for each */
}

/* A route may be called what the counts of all models without a route are called. */
static void test_a_lost_route_called_other(void **state)
{
    (void)state;
    struct world *world = begin(&plain, is_away);

    world_reload(world, "{" ROUTE("other") "," ROUTE("users") "}");
    (void)world_send(world, "other", 1, 1);
    (void)world_send(world, "other", 1, 2);
    world_run(world, 100);
    log_setup(LOG_INFO, LOG_TEXT);
    capture_begin();
    world_reload(world, users_only);
    world_run(world, 1000);
    const char *log = capture_end();
    log_setup(LOG_ERROR, LOG_TEXT);
    assert_string_equal(held_of(world, "other"), "no route");
    assert_int_equal(capture_count(log, "its events wait until ROUTES names it again "
                                        "model=other events=2"),
                     1);
}

/* Without an outbox nothing waits: the attempts end by the route that they came for. */
static void test_without_an_outbox(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.keeps_nothing = true;
    options.concurrency = 1;
    struct world *world = begin(&options, takes_its_time);
    struct sender *first = world_send(world, "posts", 1, 1);
    struct sender *second = world_send(world, "posts", 2, 1);

    world_run(world, 100);
    world_reload(world, users_only);
    world_run_until(world, nothing_is_left, 5000);
    assert_int_equal(first->reply, REPLY_DELIVERED);
    assert_int_equal(second->reply, REPLY_DELIVERED);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest plain_tests[] = {
        ROW(test_what_comes_meanwhile),
        ROW(test_what_comes_meanwhile_and_finds_no_memory),
        ROW(test_age_ends_it),
        ROW(test_a_replay_is_refused),
        ROW(test_replays_of_many_models_are_refused),
        ROW(test_offers_do_not_wait),
        ROW(test_a_lost_route_called_other),
        ROW(test_without_an_outbox),
    };
    struct CMUnitTest
        tests[array_len(plain_tests) + array_len(without_rows) + array_len(flight_rows)];
    size_t len = array_len(plain_tests);

    memcpy(tests, plain_tests, sizeof(plain_tests));
    len = cases_add(tests, len, without_rows, test_without_the_route);
    (void)cases_add(tests, len, flight_rows, test_in_flight);
    log_setup(LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
