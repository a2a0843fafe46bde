/* SPDX-License-Identifier: MIT */
/* The hooks of a loop: when they run, and what a hook may do to the loop and to other hooks. */
#include "base/loop.h"

#include "tests/unit/lib/loop_world.h"
#include "tests/unit/lib/rows.h"

static void remove_own_hook(struct thing *thing)
{
    loop_hook_remove(thing->world->loop, &thing->hook);
    thing->act = NULL;
}

static void remove_both_hooks(struct thing *thing)
{
    loop_hook_remove(thing->world->loop, &thing->hook);
    loop_hook_remove(thing->world->loop, &thing->other->hook);
    thing->act = NULL;
}

static void add_other_hook(struct thing *thing)
{
    loop_hook_add(thing->world->loop, &thing->other->hook);
    thing->act = NULL;
}

static void set_own_timer_for_now(struct thing *thing)
{
    loop_timer_set(thing->world->loop, &thing->timer, thing->world->now_ms);
    thing->act = NULL;
}

static void hooks_run_in_order(void **state)
{
    struct loop_world *world = *state;
    struct thing t[3];

    things_init(t, array_len(t), world);
    for (size_t i = 0; i < array_len(t); i++)
        loop_hook_add(world->loop, &t[i].hook);
    assert_turn(world, 1000, "abc");
    loop_hook_remove(world->loop, &t[1].hook);
    assert_turn(world, 1000, "ac");
}

static void hook_removes_itself(void **state)
{
    struct loop_world *world = *state;
    struct thing t[3];

    things_init(t, array_len(t), world);
    for (size_t i = 0; i < array_len(t); i++)
        loop_hook_add(world->loop, &t[i].hook);
    t[1].act = remove_own_hook;
    assert_turn(world, 1000, "abc");
    assert_turn(world, 1000, "ac");
}

static void hook_removes_itself_and_the_next(void **state)
{
    struct loop_world *world = *state;
    struct thing t[3];

    things_init(t, array_len(t), world);
    for (size_t i = 0; i < array_len(t); i++)
        loop_hook_add(world->loop, &t[i].hook);
    t[0].act = remove_both_hooks;
    t[0].other = &t[1];
    assert_turn(world, 1000, "ac");
    assert_turn(world, 1000, "c");
}

static void hook_added_by_a_hook_runs_before_the_wait(void **state)
{
    struct loop_world *world = *state;
    struct thing t[3];

    things_init(t, array_len(t), world);
    loop_hook_add(world->loop, &t[0].hook);
    loop_hook_add(world->loop, &t[1].hook);
    t[1].act = add_other_hook;
    t[1].other = &t[2];
    t[0].wait_ms = t[1].wait_ms = -1; /* only the one that is added keeps the loop from waiting */
    assert_turn(world, 1000, "abc");
    assert_turn(world, 1000, "abc");
}

static void timer_set_by_a_hook_ends_the_wait(void **state)
{
    struct loop_world *world = *state;
    struct thing t[1];

    things_init(t, array_len(t), world);
    loop_hook_add(world->loop, &t[0].hook);
    t[0].wait_ms = -1;
    t[0].act = set_own_timer_for_now;
    assert_turn(world, 1000, "aa");
}

static void least_wait_of_the_hooks_counts(void **state)
{
    struct loop_world *world = *state;
    struct thing t[3];

    things_init(t, array_len(t), world);
    for (size_t i = 0; i < array_len(t); i++)
        loop_hook_add(world->loop, &t[i].hook);
    t[0].wait_ms = -1;
    t[1].wait_ms = 10;
    t[2].wait_ms = 3600000;
    assert_turn(world, 1000, "abc"); /* or this test would take an hour */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        loop_test(hooks_run_in_order),
        loop_test(hook_removes_itself),
        loop_test(hook_removes_itself_and_the_next),
        loop_test(hook_added_by_a_hook_runs_before_the_wait),
        loop_test(timer_set_by_a_hook_ends_the_wait),
        loop_test(least_wait_of_the_hooks_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
