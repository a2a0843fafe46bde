/* SPDX-License-Identifier: MIT */
/*
 * Convex is away for a day while a hundred thousand events come in; then it is back. What counts:
 * order, one probe at a time, no herd when Convex returns, and how many log lines there are.
 */
#include "tests/unit/lib/capture.h"
#include "tests/unit/lib/relay_cases.h"

enum {
    EVENTS = 100000,
    RECORDS = 5000,
    BURSTS = 100, /* the events come in so many, over the day */
};

static bool convex_is_away;

static struct world_answer answer(struct world *world, const char *path, int record, int number)
{
    (void)world, (void)path, (void)record, (void)number;
    return convex_is_away ? world_unreachable() : world_done();
}

static bool all_is_done(struct world *world)
{
    return world->done == EVENTS && relay_pending(world->relay) == 0;
}

static void send_burst(struct world *world, int burst)
{
    for (int i = burst * (EVENTS / BURSTS); i < (burst + 1) * (EVENTS / BURSTS); i++)
        (void)world_send(world, i % 2 ? "users" : "posts", i % RECORDS, i / RECORDS + 1);
}

static void be_away_for_a_day(struct world *world)
{
    for (int burst = 0; burst < BURSTS; burst++) {
        send_burst(world, burst);
        world_run(world, WORLD_DAY_MS / BURSTS);
    }
}

static void test_a_day_without_convex(void **state)
{
    (void)state;
    struct world_options options = {.concurrency = 16, .sync_wait_ms = 10000, .step_ms = 2000};
    struct world *world = world_new(&options);
    struct sender *sender;

    world->convex = answer;
    convex_is_away = true;
    be_away_for_a_day(world);
    assert_int_equal(world->flying_max, 16); /* before it was known; then one at a time: */
    print_message("# away: %d attempts for %d events in a day\n", world->attempts, EVENTS);
    assert_true(world->attempts < 6000);
    SLIST_FOREACH (sender, &world->senders, link) {
        assert_true(sender->answered);
        assert_true(sender->reply == REPLY_QUEUED || sender->reply == REPLY_QUEUED_AFTER);
    }
    assert_int_equal(world_counts(world).pending, EVENTS);
    assert_true(relay_pending(world->relay) <= 4096);

    world_restart(world);
    convex_is_away = false;
    world->flying_max = world->attempts = 0;
    world->options.step_ms = 5;
    world_run_until(world, all_is_done, WORLD_DAY_MS);
    print_message("# back: %d attempts, %d at once at most\n", world->attempts, world->flying_max);
    assert_int_equal(world->attempts, EVENTS);
    assert_true(world->flying_max <= 16);
    assert_int_equal(world->disorders, 0);
    assert_int_equal(world->overlaps, 0);
    assert_int_equal(world_counts(world).pending, 0);
    assert_int_equal(world_counts(world).delivered, EVENTS);
    world_free(world);
}

static void test_no_herd_after_an_outage(void **state)
{
    (void)state;
    struct world_options options = {.concurrency = 64, .sync_wait_ms = 100, .step_ms = 10};
    struct world *world = world_new(&options);

    world->convex = answer;
    convex_is_away = true;
    for (int i = 0; i < 1000; i++)
        (void)world_send(world, "users", i, 1);
    world_run(world, 600 * 1000);
    world->flying_max = 0;
    world_run(world, 600 * 1000);
    assert_int_equal(world->flying_max, 1); /* one probe at a time */
    convex_is_away = false;
    world->flying_max = 0;
    for (int done = 0; done < 20; done = world->done)
        world_step(world);
    assert_true(world->flying_max <= 8); /* it begins with one and grows a little each round */
    world_free(world);
}

static void test_log_lines_of_an_outage(void **state)
{
    (void)state;
    struct world_options options = {.concurrency = 16, .sync_wait_ms = 100, .step_ms = 100};
    struct world *world = world_new(&options);

    world->convex = answer;
    convex_is_away = true;
    log_setup(LOG_INFO, LOG_TEXT);
    capture_begin();
    for (int i = 0; i < 1000; i++)
        (void)world_send(world, "users", i, 1);
    world_run(world, 3600 * 1000);
    convex_is_away = false;
    for (int i = 0; i < 10000 && relay_pending(world->relay) > 0; i++)
        world_step(world);
    const char *log = capture_end();
    log_setup(LOG_ERROR, LOG_TEXT);
    assert_int_equal(world->done, 1000);
    assert_int_equal(capture_count(log, ""), 2); /* the beginning, the end */
    world_free(world);
}

static struct world_answer no_function(struct world *world, const char *path, int record,
                                       int number)
{
    (void)world, (void)path, (void)record, (void)number;
    return convex_is_away ? world_no_function() : world_done();
}

/* What closed a gate may have been mended by the reload: a key, a mutation's name. */
static void test_reload_probes_at_once(void **state)
{
    struct world_options options = {.concurrency = 16, .sync_wait_ms = 100, .step_ms = 100};
    struct world *world = world_new(&options);

    world->convex = *state ? no_function : answer;
    convex_is_away = true;
    for (int i = 0; i < 3; i++)
        (void)world_send(world, "users", i, 1);
    world_run(world, 600 * 1000);
    int attempts = world->attempts;
    world_run(world, 500);
    assert_int_equal(world->attempts, attempts); /* the next probe is some way off */
    convex_is_away = false;
    assert_int_equal(relay_set_routes(world->relay, world->routes), 0);
    world_run(world, 500);
    assert_int_equal(world->done, 3);
    world_free(world);
}

static struct world_answer busy(struct world *world, const char *path, int record, int number)
{
    (void)world, (void)path, (void)record, (void)number;
    return convex_is_away ? world_http(200, "{\"status\":\"error\",\"errorMessage\":\"Your request "
                                            "timed out performing too many system operations.\"}")
                          : world_done();
}

/* The event waits alone: no gate has closed. */
static void test_reload_tries_who_rests(void **state)
{
    (void)state;
    struct world_options options = {.concurrency = 16, .sync_wait_ms = 100, .step_ms = 100};
    struct world *world = world_new(&options);

    world->convex = busy;
    convex_is_away = true;
    (void)world_send(world, "users", 0, 1);
    world_run(world, 600 * 1000);
    convex_is_away = false;
    assert_int_equal(relay_set_routes(world->relay, world->routes), 0);
    world_run(world, 500);
    assert_int_equal(world->done, 1);
    world_free(world);
}

/* ---- another way to Convex ---- */

static struct transport *first_way;
static int second_way_started;

static int start_second_way(struct transport *transport, struct call *call)
{
    (void)transport;
    second_way_started++;
    return first_way->ops->start(first_way, call);
}

static void cancel_second_way(struct transport *transport, struct call *call)
{
    (void)transport;
    first_way->ops->cancel(first_way, call);
}

static struct world_answer slow(struct world *world, const char *path, int record, int number)
{
    struct world_answer made = answer(world, path, record, number);

    made.after_ms = 1000;
    return made;
}

/* What a handshake by the old certificates met says nothing of the new ones. */
static void test_what_never_left_goes_the_new_way(void **state)
{
    static const struct transport_ops ops = {.start = start_second_way,
                                             .cancel = cancel_second_way};
    struct transport second_way = {.ops = &ops};
    struct world_options options = {.concurrency = 16, .sync_wait_ms = 10000, .step_ms = 100};
    struct world *world = world_new(&options);

    (void)state;
    first_way = &world->transport;
    second_way_started = 0;
    world->convex = slow;
    convex_is_away = true;
    struct sender *sender = world_send(world, "users", 0, 1);
    world_run(world, 500);
    assert_int_equal(world->attempts, 1);
    relay_set_transport(world->relay, &second_way);
    convex_is_away = false;
    world_run(world, 600); /* the first attempt ends, and there is no waiting */
    assert_int_equal(second_way_started, 1);
    world_run(world, 1500);
    assert_int_equal(world->attempts, 2);
    assert_true(sender->answered);
    assert_int_equal(sender->reply, REPLY_DELIVERED);
    world_free(world);
}

int main(void)
{
    static char answer_of_route[] = "route";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_day_without_convex),
        cmocka_unit_test(test_no_herd_after_an_outage),
        cmocka_unit_test(test_log_lines_of_an_outage),
        {.name = "reload probes a held upstream", .test_func = test_reload_probes_at_once},
        {.name = "reload probes a held route",
         .test_func = test_reload_probes_at_once,
         .initial_state = answer_of_route},
        cmocka_unit_test(test_reload_tries_who_rests),
        cmocka_unit_test(test_what_never_left_goes_the_new_way),
    };

    log_setup(LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
