/* SPDX-License-Identifier: MIT */
/* Faults that repeat: a line for the first, a line a minute for the rest, and none is missing. */
#include "base/log_sum.h"

#include <string.h>

#include "tests/unit/lib/capture.h"
#include "tests/unit/lib/hand_loop.h"

struct world {
    struct hand_loop hand;
    struct log_sum sum;
};

static int world_setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    hand_loop_open(&world->hand);
    log_sum_init(&world->sum, world->hand.loop, LOG_WARN, "it fails", "users");
    capture_begin();
    *state = world;
    return 0;
}

static int world_teardown(void **state)
{
    struct world *world = *state;

    log_sum_done(&world->sum);
    (void)capture_end();
    hand_loop_close(&world->hand);
    free(world);
    return 0;
}

static void world_pass(struct world *world, int64_t ms)
{
    world->hand.now_ms += ms;
    assert_int_equal(loop_turn(world->hand.loop), 0);
}

static void world_fail(struct world *world, int times)
{
    for (int i = 0; i < times; i++)
        if (log_sum_first(&world->sum))
            log_warn("it fails", "first", "yes");
}

/* The lines since the last look, without their times. */
static void assert_logged(const char *expected)
{
    char lines[4096] = "";

    for (const char *line = capture_end(); *line; line = strchr(line, '\n') + 1) {
        const char *level = strchr(line, ' ') + 1;
        size_t len = strcspn(level, "\n") + 1;
        assert_true(strlen(lines) + len < sizeof(lines));
        (void)strncat(lines, level, len);
    }
    capture_begin();
    assert_string_equal(lines, expected);
}

#define FIRST "warn it fails first=yes\n"
#define MORE(n) "warn it fails model=users more=" n " within_s=60\n"

static void test_one_is_one_line(void **state)
{
    world_fail(*state, 1);
    world_pass(*state, 10 * LOG_SUM_MS);
    assert_logged(FIRST);
}

static void test_the_rest_is_told_within_a_minute(void **state)
{
    world_fail(*state, 1000);
    world_pass(*state, LOG_SUM_MS - 1);
    assert_logged(FIRST);
    world_pass(*state, 1);
    assert_logged(MORE("999"));
}

static void test_a_line_a_minute_while_it_lasts(void **state)
{
    world_fail(*state, 2);
    world_pass(*state, LOG_SUM_MS);
    world_fail(*state, 5);
    world_pass(*state, LOG_SUM_MS);
    assert_logged(FIRST MORE("1") MORE("5"));
}

static void test_a_quiet_minute_ends_it(void **state)
{
    world_fail(*state, 2);
    world_pass(*state, LOG_SUM_MS);
    world_pass(*state, LOG_SUM_MS);
    world_fail(*state, 1);
    assert_logged(FIRST MORE("1") FIRST);
}

static void test_the_end_tells_the_rest(void **state)
{
    struct world *world = *state;

    world_fail(world, 3);
    log_sum_done(&world->sum);
    assert_logged(FIRST MORE("2"));
}

static void test_without_a_loop_each_is_told(void **state)
{
    struct world *world = *state;

    log_sum_done(&world->sum);
    log_sum_init(&world->sum, NULL, LOG_WARN, "it fails", NULL);
    world_fail(world, 2);
    assert_logged(FIRST FIRST);
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_one_is_one_line),
        WORLD_TEST(test_the_rest_is_told_within_a_minute),
        WORLD_TEST(test_a_line_a_minute_while_it_lasts),
        WORLD_TEST(test_a_quiet_minute_ends_it),
        WORLD_TEST(test_the_end_tells_the_rest),
        WORLD_TEST(test_without_a_loop_each_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
