/* SPDX-License-Identifier: MIT */
/* Routes with sequence are held while the clock that ids come from is not Convex's. */
#include "tests/unit/lib/capture.h"
#include "tests/unit/lib/relay_cases.h"

#define ROUTES                                                                                     \
    "{\"users\":{\"mutation\":\"users:syncFromBlade\",\"sequence\":\"syncSeq\"},"                  \
    "\"posts\":{\"mutation\":\"posts:syncFromBlade\"}}"

static const struct world_options numbered = {.sync_wait_ms = 10000, .routes = ROUTES};
static const struct world_options unkept = {.keeps_nothing = true, .routes = ROUTES};

enum {
    OFF_MS = 6 * 60 * 1000,
    MOST_MS = 31 * 1000, /* until a clock that is right again has been noticed */
};

static int attempts_of_users;

static struct world_answer counts_users(struct world *world, const char *path, int record, int n)
{
    (void)world, (void)record, (void)n;
    attempts_of_users += strncmp(path, "users:", 6) == 0;
    return world_done();
}

static struct world *begin_with_dates(const struct world_options *options)
{
    struct world *world = begin(options, counts_users);

    attempts_of_users = 0;
    world->says_date = true;
    return world;
}

static void log_begin(void)
{
    log_setup(LOG_INFO, LOG_TEXT);
    capture_begin();
}

static const char *log_end(void)
{
    const char *log = capture_end();

    log_setup(LOG_ERROR, LOG_TEXT);
    return log;
}

/* ---- the first answer ---- */

static void test_a_probe_asks_first(void **state)
{
    (void)state;
    struct world *world = begin_with_dates(&numbered);

    (void)world_send(world, "users", 1, 1);
    (void)world_send(world, "posts", 2, 1);
    world_run(world, 10);
    assert_int_equal(world->asks, 1);
    assert_int_equal(world->attempts, 1);
    assert_int_equal(attempts_of_users, 0);
    assert_null(held_of(world, "users")); /* not for long */
    world_run(world, 100);
    assert_int_equal(attempts_of_users, 1);
    world_run(world, 60 * 1000);
    assert_int_equal(world->asks, 1);
    assert_counts(2, 0, 0);
}

static void test_no_route_wants_it(void **state)
{
    (void)state;
    struct world *world = begin(&plain, takes_all);

    world->says_date = true;
    world->set_ms = OFF_MS;
    (void)world_send(world, "users", 1, 1);
    world_run(world, 1000);
    assert_int_equal(world->asks, 0);
    assert_counts(1, 0, 0);
}

/* ---- a clock that is off ---- */

static struct off_row {
    const char *name;
    int64_t set_ms;
    const char *line;
} off_rows[] = {
    {"held: the clock is behind", OFF_MS, "ahead_s=-360"},
    {"held: the clock is ahead", -OFF_MS, "ahead_s=359"},
};

static void test_held(void **state)
{
    const struct off_row *row = *state;
    struct world *world = begin_with_dates(&numbered);

    log_begin();
    world->set_ms = row->set_ms;
    struct sender *sender = world_send(world, "users", 1, 1);
    (void)world_send(world, "posts", 2, 1);
    world_run(world, 20 * 1000);
    assert_int_equal(sender->reply, REPLY_QUEUED);
    assert_string_equal(held_of(world, "users"), "clock");
    assert_null(held_of(world, "posts"));
    world_run(world, 110 * 1000);
    assert_in_range(world->asks, 4, 6); /* one each half a minute */
    assert_int_equal(attempts_of_users, 0);
    assert_counts(1, 0, 1);
    int asks = world->asks;
    world_reload(world, ROUTES); /* and at each reload */
    assert_int_equal(world->asks, asks + 1);
    world_run(world, 100);

    world->set_ms = 0;
    world_run_until(world, nothing_is_left, MOST_MS);
    const char *log = log_end();
    assert_null(held_of(world, "users"));
    assert_counts(2, 0, 0);
    assert_int_equal(capture_count(log, "the clock is over 5 minutes from Convex's"), 1);
    assert_int_equal(capture_count(log, row->line), 1);
    assert_int_equal(capture_count(log, "the clock is right again"), 1);
}

/* Answers to other routes tell, too. */
static void test_any_answer_tells(void **state)
{
    (void)state;
    struct world *world = begin_with_dates(&numbered);

    world_run(world, 2000);
    assert_int_equal(world->asks, 1);
    world->set_ms = OFF_MS;
    (void)world_send(world, "posts", 2, 1);
    world_run(world, 100);
    assert_string_equal(held_of(world, "users"), "clock");
    world->set_ms = 0;
    world_run(world, 2000);
    (void)world_send(world, "posts", 2, 2);
    world_run(world, 100);
    assert_null(held_of(world, "users"));
    assert_int_equal(world->asks, 1);
}

/* A reload that takes sequence away lets the events go. */
static void test_without_sequence(void **state)
{
    (void)state;
    struct world *world = begin_with_dates(&numbered);

    world->set_ms = OFF_MS;
    (void)world_send(world, "users", 1, 1);
    world_run(world, 1000);
    assert_int_equal(attempts_of_users, 0);
    log_begin();
    world_reload(world, NULL);
    world_run(world, 100);
    assert_int_equal(capture_count(log_end(), "no route has sequence any more"), 1);
    assert_int_equal(attempts_of_users, 1);
    assert_null(held_of(world, "users"));
    world_reload(world, ROUTES);
    (void)world_send(world, "users", 1, 2);
    world_run(world, 1000);
    assert_int_equal(attempts_of_users, 1);
    assert_string_equal(held_of(world, "users"), "clock");
}

static bool one_is_done(struct world *world)
{
    return world->done == 1;
}

/* Letters that are replayed are events as others. */
static void test_no_replay_goes(void **state)
{
    (void)state;
    struct world *world = begin_with_dates(&numbered);

    world->convex = rejects_all;
    (void)world_send(world, "users", 1, 1);
    (void)world_send(world, "posts", 2, 1);
    world_run(world, 1000);
    assert_counts(0, 2, 0);
    world->convex = counts_users;
    world->leapt_ms = OFF_MS;
    world_run(world, 1000);
    assert_string_equal(held_of(world, "users"), "clock");
    change_beside(world, replay_row, 1);
    change_beside(world, replay_row, 2);
    world_run_until(world, one_is_done, 1000 * WORLD_DAY_MS);
    assert_int_equal(attempts_of_users, 0);
    world->leapt_ms = 0;
    await_offers(world);
    world_run_until(world, nothing_is_left, MOST_MS);
    assert_int_equal(attempts_of_users, 1);
    assert_counts(2, 0, 0);
}

/* What waits too long is a letter, as where anything else holds it. */
static void test_too_old(void **state)
{
    (void)state;
    struct world_options options = numbered;
    options.step_ms = 60 * 1000;
    struct world *world = begin_with_dates(&options);

    world->set_ms = OFF_MS;
    (void)world_send(world, "users", 1, 1);
    world_run(world, 3 * WORLD_DAY_MS + 3600 * 1000);
    assert_counts(0, 1, 0);
    assert_int_equal(attempts_of_users, 0);
}

/* ---- leaps ---- */

static struct leap_row {
    const char *name;
    int64_t leap_ms;
} leap_rows[] = {
    {"a clock that leaps forth and back", WORLD_DAY_MS},
    {"a clock that leaps back and forth", -WORLD_DAY_MS / 2},
};

static void test_leaps(void **state)
{
    const struct leap_row *row = *state;
    struct world *world = begin_with_dates(&numbered);

    (void)world_send(world, "users", 1, 1);
    world_run(world, 5000);
    assert_int_equal(attempts_of_users, 1);
    world->leapt_ms = row->leap_ms;
    (void)world_send(world, "users", 1, 2); /* in the same moment */
    world_run(world, 5000);
    assert_int_equal(attempts_of_users, 1);
    assert_int_equal(world->asks, 2);
    assert_string_equal(held_of(world, "users"), "clock");
    world->leapt_ms = 0;
    world_run(world, 1100); /* it looks once a second */
    assert_int_equal(attempts_of_users, 2);
    assert_int_equal(world->asks, 3);
    assert_null(held_of(world, "users"));

    /* Where Convex says that the clock is right by now, as after a machine has slept, it was one.
     */
    world->leapt_ms = row->leap_ms;
    world->set_ms = row->leap_ms;
    (void)world_send(world, "users", 1, 3);
    world_run(world, 100);
    assert_int_equal(attempts_of_users, 3);
    assert_int_equal(world->asks, 4);
    world_run(world, 60 * 1000);
    assert_int_equal(world->asks, 4);
}

static struct world_answer takes_half_a_minute(struct world *world, const char *path, int record,
                                               int number)
{
    struct world_answer answer = counts_users(world, path, record, number);

    answer.after_ms = 30 * 1000;
    return answer;
}

static void test_slow_answers_hold_nothing(void **state)
{
    (void)state;
    struct world *world = begin_with_dates(&numbered);

    world->convex = takes_half_a_minute;
    world->set_ms = 290 * 1000; /* what the clock showed when the call began was 320 s behind */
    for (int i = 1; i <= 3; i++) {
        (void)world_send(world, "users", 1, i);
        world_run(world, 31 * 1000);
        assert_null(held_of(world, "users"));
    }
    assert_int_equal(attempts_of_users, 3);
}

/* ---- no Date ---- */

static void test_no_date_no_check(void **state)
{
    (void)state;
    struct world *world = begin(&numbered, counts_users);

    attempts_of_users = 0;
    world_run(world, 1000);
    world->leapt_ms = WORLD_DAY_MS;
    (void)world_send(world, "users", 1, 1);
    world_run(world, 1000);
    assert_int_equal(attempts_of_users, 1);
    assert_int_equal(world->asks, 1);
    assert_counts(1, 0, 0);
}

/* Whatever the status of the answer: nothing else is looked at. */
static struct world_answer refuses(struct world *world)
{
    (void)world;
    return world_http(403, "<html>");
}

static void test_refused_is_an_answer(void **state)
{
    (void)state;
    struct world *world = begin_with_dates(&numbered);

    world->asked = refuses;
    world_restart(world);
    world->set_ms = OFF_MS;
    (void)world_send(world, "users", 1, 1);
    world_run(world, 1000);
    assert_string_equal(held_of(world, "users"), "clock");
    world->set_ms = 0;
    world_run_until(world, nothing_is_left, MOST_MS);
    assert_counts(1, 0, 0);
}

/* ---- no answer ---- */

static struct world_answer cannot_be_reached(struct world *world)
{
    (void)world;
    return world_unreachable();
}

static struct world_answer is_lost(struct world *world)
{
    (void)world;
    return world_lost();
}

/* No event goes out before the clock was compared, and the log says what is wrong. */
static void test_unreachable_at_first(void **state)
{
    (void)state;
    struct world *world = begin_with_dates(&numbered);

    log_begin();
    world->asked = cannot_be_reached;
    world->convex = is_away;
    world_restart(world);
    (void)world_send(world, "users", 1, 1);
    world_run(world, 60 * 1000);
    assert_int_equal(world->attempts, 0);
    assert_string_equal(held_of(world, "users"), "cannot connect");
    world->asked = NULL;
    world->convex = counts_users;
    world->set_ms = OFF_MS;
    world_run(world, 120 * 1000);
    assert_int_equal(world->attempts, 0);
    assert_string_equal(held_of(world, "users"), "clock");
    world->set_ms = 0;
    world_run_until(world, nothing_is_left, 120 * 1000);
    const char *log = log_end();
    assert_counts(1, 0, 0);
    assert_int_equal(capture_count(log, "Convex is unavailable"), 1);
    assert_int_equal(capture_count(log, "Convex answers again"), 1);
    assert_int_equal(capture_count(log, "the clock is over 5 minutes"), 1);
}

/* Of two backoffs the first is short: that of the call which asks, before the gate's. */
static uint64_t rolls_short_and_long(struct dice *dice, uint64_t sides)
{
    static bool is_long;

    (void)dice;
    is_long = !is_long;
    return is_long ? sides / 16 : sides - 1;
}

/* Once Convex answers, the event need not wait for the gate's next probe. */
static void test_reached_at_last(void **state)
{
    (void)state;
    struct world *world = begin_with_dates(&numbered);

    world->dice.roll = rolls_short_and_long;
    world->asked = cannot_be_reached;
    world_restart(world);
    (void)world_send(world, "users", 1, 1);
    world_run(world, 5);
    world->asked = NULL;
    world_run(world, 200); /* the gate's is due after 500 ms */
    assert_counts(1, 0, 0);
}

/* What stands before Convex may swallow calls that are not those it knows. */
static void test_lost_again_and_again(void **state)
{
    (void)state;
    struct world *world = begin_with_dates(&numbered);

    world->says_date = false;
    world->asked = is_lost;
    world_restart(world);
    (void)world_send(world, "users", 1, 1);
    world_run(world, 50);
    assert_int_equal(attempts_of_users, 0);
    world_run(world, 10 * 1000);
    assert_int_equal(attempts_of_users, 1);
    assert_int_equal(world->asks, 1 + 3); /* one of them before the restart */
}

/* ---- without an outbox nothing waits ---- */

static void test_unkept_fails_while_off(void **state)
{
    (void)state;
    struct world *world = begin_with_dates(&unkept);

    world->set_ms = OFF_MS;
    struct sender *first = world_send(world, "users", 1, 1); /* waits for the probe */
    world_run(world, 100);
    struct sender *second = world_send(world, "users", 1, 2);
    struct sender *other = world_send(world, "posts", 2, 1);
    world_run(world, 100);
    assert_int_equal(first->reply, REPLY_FAILED);
    assert_int_equal(second->reply, REPLY_FAILED);
    assert_non_null(strstr(buf_string(&second->message), "clock is over 5 minutes from Convex's"));
    assert_int_equal(other->reply, REPLY_DELIVERED);
    assert_int_equal(attempts_of_users, 0);
    world->set_ms = 0;
    world_run(world, MOST_MS);
    struct sender *last = world_send(world, "users", 1, 3);
    world_run(world, 100);
    assert_int_equal(last->reply, REPLY_DELIVERED);
}

static void test_unkept_asks_for_each(void **state)
{
    (void)state;
    struct world *world = begin_with_dates(&unkept);

    world->asked = cannot_be_reached;
    world_restart(world);
    world_run(world, 100);
    for (int i = 1; i <= 3; i++) {
        int asks = world->asks;
        struct sender *sender = world_send(world, "users", 1, i);
        world_run(world, 20);
        assert_int_equal(sender->reply, REPLY_FAILED);
        assert_string_equal(buf_string(&sender->message), "fetch failed");
        assert_int_equal(world->asks, asks + 1);
    }
    int asks = world->asks;
    world_run(world, 60 * 1000);
    assert_in_range(world->asks, asks, asks + 12); /* by a backoff, while nobody waits */
    world->asked = NULL;
    struct sender *sender = world_send(world, "users", 1, 4);
    world_run(world, 100);
    assert_int_equal(sender->reply, REPLY_DELIVERED);
}

/* The call that asks ends with the relay: end() frees the relay in the middle of the call. */
static void test_stops_while_it_asks(void **state)
{
    (void)state;
    struct world *world = begin_with_dates(&numbered);

    (void)world_send(world, "users", 1, 1);
    world_run(world, 5);
    assert_int_equal(TAILQ_EMPTY(&world->calls), 0);
    world_restart(world);
    world_run_until(world, nothing_is_left, 1000);
    assert_counts(1, 0, 0);
}

int main(void)
{
    static const struct CMUnitTest plain_tests[] = {
        cmocka_unit_test_teardown(test_a_probe_asks_first, end),
        cmocka_unit_test_teardown(test_no_route_wants_it, end),
        cmocka_unit_test_teardown(test_any_answer_tells, end),
        cmocka_unit_test_teardown(test_without_sequence, end),
        cmocka_unit_test_teardown(test_no_replay_goes, end),
        cmocka_unit_test_teardown(test_too_old, end),
        cmocka_unit_test_teardown(test_slow_answers_hold_nothing, end),
        cmocka_unit_test_teardown(test_no_date_no_check, end),
        cmocka_unit_test_teardown(test_refused_is_an_answer, end),
        cmocka_unit_test_teardown(test_unreachable_at_first, end),
        cmocka_unit_test_teardown(test_reached_at_last, end),
        cmocka_unit_test_teardown(test_lost_again_and_again, end),
        cmocka_unit_test_teardown(test_unkept_fails_while_off, end),
        cmocka_unit_test_teardown(test_unkept_asks_for_each, end),
        cmocka_unit_test_teardown(test_stops_while_it_asks, end),
    };
    static struct CMUnitTest
        tests[array_len(plain_tests) + array_len(off_rows) + array_len(leap_rows)];
    size_t len = array_len(plain_tests);

    log_setup(LOG_ERROR, LOG_TEXT);
    memcpy(tests, plain_tests, sizeof(plain_tests));
    len = cases_add(tests, len, off_rows, test_held);
    (void)cases_add(tests, len, leap_rows, test_leaps);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
