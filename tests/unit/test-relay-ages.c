/* SPDX-License-Identifier: MIT */
/* How long an event may wait before it is given up, by clocks that may be wrong. */
#include "tests/unit/lib/relay_cases.h"

static struct world_answer always_conflicts(struct world *world, const char *path, int record,
                                            int number)
{
    (void)world, (void)path, (void)record, (void)number;
    return world_conflict();
}

static void test_too_old_is_a_dead_letter(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(60 * 1000, is_away);

    (void)world_send(world, "users", 1, 1);
    world_run(world, 3 * WORLD_DAY_MS - 3600000);
    assert_counts(0, 0, 1);
    world_run(world, 2 * 3600000);
    world_run_until(world, nothing_is_left, 3600000);
    assert_counts(0, 1, 0);
}

/* Those behind the head do not have to come to it first. */
static void test_a_lane_grows_old_together(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(60 * 1000, is_away);

    for (int i = 0; i < 100; i++)
        (void)world_send(world, "users", 1, i);
    world_run(world, 3 * WORLD_DAY_MS - 3600000);
    assert_counts(0, 0, 100);
    world_run(world, 3600000);
    world_run_until(world, nothing_is_left, 600 * 1000);
    assert_counts(0, 100, 0);
}

/* An event that has been tried for as long as nothing is too old after a start. */
static struct world *begin_in_vain(void)
{
    struct world *world = begin_in_steps(1000, is_away); /* there are to be many */
    (void)world_send(world, "users", 1, 1);
    world_run(world, 20 * 60000);
    return world;
}

/* Nobody has had the time to try it. */
static void check_is_tried_though_old(struct world *world)
{
    world_run(world, 9 * 60000);
    assert_counts(0, 0, 1);
    world->convex = takes_all;
    world_run_until(world, nothing_is_left, 60000);
    assert_counts(1, 0, 0);
}

static void test_a_leap_of_the_clock_kills_nothing(void **state)
{
    (void)state;
    struct world *world = begin_in_vain();

    world->leapt_ms = 20000 * WORLD_DAY_MS;
    check_is_tried_though_old(world);
}

/* Whatever is tried between the leap and the next look at the clock. */
static void test_a_leap_amid_attempts_kills_nothing(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(50, always_conflicts);

    for (int i = 0; i < 100; i++)
        (void)world_send(world, "users", i, 1);
    world_run(world, 11 * 60000);
    world->leapt_ms = 4 * WORLD_DAY_MS;
    world_run(world, 2000);
    assert_counts(0, 0, 100);
}

/* And a clock that goes back and comes again is one that has leapt. */
static void test_a_leap_back_and_forth_kills_nothing(void **state)
{
    (void)state;
    struct world *world = begin_in_vain();

    world->leapt_ms = -20000 * WORLD_DAY_MS;
    world_run(world, 20 * 60000);
    world->leapt_ms = 4 * WORLD_DAY_MS;
    check_is_tried_though_old(world);
}

static void test_a_long_time_off_kills_nothing(void **state)
{
    (void)state;
    struct world *world = begin_in_vain();

    world_stop(world);
    world->now_ms += 4 * WORLD_DAY_MS;
    world_start(world);
    check_is_tried_though_old(world);
}

/*
 * Clocks that are wrong: when the event came, while it waits, and after a restart. The event lives
 * until it has really waited for RETRY_MAX_AGE_MS, and no longer.
 */
static struct leap_case {
    const char *name;
    int64_t born_ms, waits_ms; /* how far the wall clock is off then */
    bool restarts;
    int64_t restarted_ms;
} leap_cases[] = {
    {"no leap", 0, 0, false, 0},
    {"a leap of four days while it waits", 0, 4 * WORLD_DAY_MS, false, 0},
    {"ten years forth while it waits", 0, 3650 * WORLD_DAY_MS, false, 0},
    {"ten hours back while it waits", 0, -10 * 3600000, false, 0},
    {"born in 1970, and then the clock is set", -20000 * WORLD_DAY_MS, 0, false, 0},
    {"born in 1970, the clock is set, a restart", -20000 * WORLD_DAY_MS, 0, true, 0},
    {"a restart in 1970", 0, 0, true, -20000 * WORLD_DAY_MS},
    {"a restart ten years later, by the clock", 0, 0, true, 3650 * WORLD_DAY_MS},
    {"a restart ten hours earlier, by the clock", 0, 0, true, -10 * 3600000},
    {"ten years forth, and back with a restart", 0, 3650 * WORLD_DAY_MS, true, 0},
};

static int64_t oldest_age_ms(struct world *world)
{
    cleanup(snapshot_done) struct snapshot snapshot = {0};
    const struct snapshot_route *users = world_look(world, &snapshot, "users");

    assert_int_equal(users->oldest_age_ms, snapshot.oldest_age_ms);
    return snapshot.oldest_age_ms;
}

static void restart_at(struct world *world, int64_t leapt_ms)
{
    world_stop(world);
    world->leapt_ms = leapt_ms;
    world_start(world);
}

static void test_a_wrong_clock(void **state)
{
    const struct leap_case *leap = *state;
    struct world *world = begin_in_steps(60 * 1000, is_away);

    restart_at(world, leap->born_ms);
    (void)world_send(world, "users", 1, 1);
    world_run(world, 20 * 60000);
    world->leapt_ms = leap->waits_ms;
    world_run(world, 60000);
    if (leap->restarts)
        restart_at(world, leap->restarted_ms);
    world_run(world, 30 * 60000);
    assert_in_range(oldest_age_ms(world), 29 * 60000, 55 * 60000);
    world_run(world, 3 * WORLD_DAY_MS - 2 * 3600000);
    assert_counts(0, 0, 1);
    world_run(world, 3 * 3600000);
    world_run_until(world, nothing_is_left, 600 * 1000);
    assert_counts(0, 1, 0);
}

/* A clock that was wrong is set right only when the relay has begun on what was there. */
static void test_a_clock_that_is_set_after_the_start(void **state)
{
    (void)state;
    struct world *world = begin_in_vain();

    restart_at(world, -20000 * WORLD_DAY_MS);
    world_run(world, 60000);
    world->leapt_ms = 0;
    check_is_tried_though_old(world);
}

static struct world_answer takes_half(struct world *world, const char *path, int record, int number)
{
    return world->done < BACKLOG / 2 ? takes_all(world, path, record, number)
                                     : is_away(world, path, record, number);
}

/* What came before the leap, and is read from the disk behind it. */
static void test_a_leap_kills_no_page(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(1000, is_away);

    send_backlog(world, "users");
    world_run(world, 11 * 60000);
    world->leapt_ms = 4 * WORLD_DAY_MS;
    world->convex = takes_half;
    world_run(world, 20 * 60000);
    assert_in_range(world->done, BACKLOG / 2, BACKLOG - 1);
    world->convex = takes_all;
    world_run_until(world, nothing_is_left, WORLD_DAY_MS);
    assert_counts(BACKLOG, 0, 0);
}

/* A clock that is set right after the start: rows that were read before cannot know, and all later
 * ones do. */
static void test_a_start_ahead_of_its_time_kills_no_page(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(1000, is_away);

    send_backlog(world, "users");
    world_run(world, 60000);
    restart_at(world, 4 * WORLD_DAY_MS);
    world_run(world, 60000);
    world->leapt_ms = 0;
    world_run(world, 60000);
    assert_in_range(oldest_age_ms(world), 2 * 60000, 4 * 60000);
    world_run(world, 12 * 60000);
    world->convex = takes_all;
    world_run_until(world, nothing_is_left, WORLD_DAY_MS);
    assert_in_range(world->done, BACKLOG / 2, BACKLOG);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_teardown(name, end)
    static const struct CMUnitTest plain_tests[] = {
        ROW(test_too_old_is_a_dead_letter),
        ROW(test_a_lane_grows_old_together),
        ROW(test_a_leap_of_the_clock_kills_nothing),
        ROW(test_a_leap_amid_attempts_kills_nothing),
        ROW(test_a_leap_back_and_forth_kills_nothing),
        ROW(test_a_long_time_off_kills_nothing),
        ROW(test_a_clock_that_is_set_after_the_start),
        ROW(test_a_leap_kills_no_page),
        ROW(test_a_start_ahead_of_its_time_kills_no_page),
    };
    static struct CMUnitTest tests[array_len(plain_tests) + array_len(leap_cases)];

    memcpy(tests, plain_tests, sizeof(plain_tests));
    (void)cases_add(tests, array_len(plain_tests), leap_cases, test_a_wrong_clock);
    log_setup(LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
