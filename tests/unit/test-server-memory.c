/* SPDX-License-Identifier: MIT */
/* When the heap is trimmed; tests/e2e/memory.test.mjs has what comes of it. */
#include "server/memory.h"

#include "tests/unit/lib/hand_loop.h"

static int trims;

static int count_trim(size_t pad)
{
    assert_int_equal(pad, 0);
    trims++;
    return 1;
}

struct world {
    struct hand_loop hand;
    struct memory memory;
    size_t held;
    bool is_at_work;
};

static size_t world_held(void *ctx)
{
    struct world *world = ctx;

    return world->held;
}

static bool world_is_at_work(void *ctx)
{
    struct world *world = ctx;

    return world->is_at_work;
}

static int world_setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    hand_loop_open(&world->hand);
    world->held = 3;
    world->memory = (struct memory){
        .in_use = world_held, .is_at_work = world_is_at_work, .ctx = world, .trim = count_trim};
    memory_watch(&world->memory, world->hand.loop);
    trims = 0;
    *state = world;
    return 0;
}

static int world_teardown(void **state)
{
    struct world *world = *state;

    memory_done(&world->memory);
    hand_loop_close(&world->hand);
    free(world);
    return 0;
}

/* What is found after another second, and how many trims there have been by then. */
struct second {
    size_t held;
    bool is_at_work;
    int trims;
};

static void world_live(struct world *world, const struct second *seconds, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        world->is_at_work = seconds[i].is_at_work;
        world->hand.now_ms += 1000;
        assert_int_equal(loop_turn(world->hand.loop), 0);
        assert_int_equal(trims, seconds[i].trims);
        world->held = seconds[i].held;
        assert_int_equal(loop_turn(world->hand.loop), 0); /* which begins with the hooks */
    }
}

static void where_nothing_changes_nothing_is_done(void **state)
{
    static const struct second seconds[] = {
        {3, false, 0}, {3, true, 0}, {3, false, 0}, {3, false, 0}};

    world_live(*state, seconds, array_len(seconds));
}

static void two_seconds_behind_a_change_it_is_trimmed_once(void **state)
{
    static const struct second seconds[] = {
        {9, false, 0}, {9, false, 0}, {9, false, 1}, {9, false, 1}, {9, false, 1}, {9, false, 1},
        {0, false, 1}, {0, false, 1}, {0, false, 2}, {0, false, 2}, {0, false, 2}, {0, false, 2},
    };

    world_live(*state, seconds, array_len(seconds));
}

static void after_more_changes_it_is_trimmed_once_more(void **state)
{
    static const struct second seconds[] = {
        {9, false, 0}, {8, false, 0}, {8, false, 1}, {8, false, 1}, {8, false, 2}, {8, false, 2},
        {8, false, 2}, {8, false, 2}, {6, false, 2}, {6, false, 2}, {6, false, 3}, {6, false, 3},
    };

    world_live(*state, seconds, array_len(seconds));
}

static void while_somebody_is_at_work_it_waits(void **state)
{
    static const struct second seconds[] = {
        {9, true, 0}, {8, true, 0}, {7, true, 0},  {6, true, 0},  {5, true, 0},  {3, true, 0},
        {3, true, 0}, {3, true, 0}, {3, false, 1}, {3, false, 1}, {3, false, 1}, {3, false, 1},
    };

    world_live(*state, seconds, array_len(seconds));
}

static void after_half_a_minute_it_waits_no_longer(void **state)
{
    struct world *world = *state;

    world->is_at_work = true;
    for (int seconds = 0; seconds < 100; seconds++) {
        world->held = (size_t)seconds;
        world->hand.now_ms += 1000;
        assert_int_equal(loop_turn(world->hand.loop), 0);
        assert_true(seconds > 28 || trims == 0);
    }
    assert_int_equal(trims, 3);
}

static void with_steady_changes_it_is_trimmed_now_and_then(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < 300; i++) {
        world->hand.now_ms += 100;
        world->held = (size_t)i % 2;
        assert_int_equal(loop_turn(world->hand.loop), 0);
    }
    assert_in_range(trims, 10, 15);
}

static void done_it_leaves_nothing_on_the_loop(void **state)
{
    struct world *world = *state;

    world->held = 4;
    assert_int_equal(loop_turn(world->hand.loop), 0);
    memory_done(&world->memory);
    world->memory = (struct memory){0};
    world->hand.now_ms += 60000;
    assert_int_equal(loop_turn(world->hand.loop), 0);
    assert_int_equal(trims, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        TEST(where_nothing_changes_nothing_is_done),
        TEST(two_seconds_behind_a_change_it_is_trimmed_once),
        TEST(after_more_changes_it_is_trimmed_once_more),
        TEST(while_somebody_is_at_work_it_waits),
        TEST(after_half_a_minute_it_waits_no_longer),
        TEST(with_steady_changes_it_is_trimmed_now_and_then),
        TEST(done_it_leaves_nothing_on_the_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
