/* SPDX-License-Identifier: MIT */
/* The loop: the order of the calls, and what timers and descriptors may do from inside. */
#include "base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>

#include "tests/unit/lib/loop_world.h"
#include "tests/unit/lib/rows.h"

/* ---- timers ---- */

static void clear_other(struct thing *thing)
{
    loop_timer_clear(thing->world->loop, &thing->other->timer);
}

static void set_again_for_now(struct thing *thing)
{
    loop_timer_set(thing->world->loop, &thing->timer, loop_now_ms(thing->world->loop));
}

static void set_other_later(struct thing *thing)
{
    loop_timer_set(thing->world->loop, &thing->other->timer, 5000);
}

static void timers_run_in_order_of_time(void **state)
{
    struct loop_world *world = *state;
    struct thing t[4], hook;

    do_not_wait(&hook, world);
    things_init(t, array_len(t), world);
    loop_timer_set(world->loop, &t[0].timer, 1300);
    loop_timer_set(world->loop, &t[1].timer, 1100);
    loop_timer_set(world->loop, &t[2].timer, 1400);
    loop_timer_set(world->loop, &t[3].timer, 1200);
    assert_turn(world, 1099, ".");
    assert_turn(world, 1100, ".b");
    assert_turn(world, 1350, ".da");
    assert_turn(world, 1399, ".");
    assert_turn(world, 9000, ".c");
    assert_turn(world, 9999, ".");
}

static void timer_moves_when_set_again(void **state)
{
    struct loop_world *world = *state;
    struct thing t[2], hook;

    do_not_wait(&hook, world);
    things_init(t, array_len(t), world);
    loop_timer_set(world->loop, &t[0].timer, 1100);
    loop_timer_set(world->loop, &t[1].timer, 1200);
    loop_timer_set(world->loop, &t[0].timer, 1300);
    assert_turn(world, 1250, ".b");
    assert_turn(world, 1300, ".a");
}

static void cleared_timer_does_not_run(void **state)
{
    struct loop_world *world = *state;
    struct thing t[1], hook;

    do_not_wait(&hook, world);
    things_init(t, array_len(t), world);
    loop_timer_clear(world->loop, &t[0].timer); /* not set: nothing happens */
    loop_timer_set(world->loop, &t[0].timer, 1100);
    loop_timer_clear(world->loop, &t[0].timer);
    loop_timer_clear(world->loop, &t[0].timer);
    assert_turn(world, 2000, ".");
}

static void due_timer_clears_another_that_is_due(void **state)
{
    struct loop_world *world = *state;
    struct thing t[3], hook;

    do_not_wait(&hook, world);
    things_init(t, array_len(t), world);
    t[0].act = clear_other;
    t[0].other = &t[1];
    loop_timer_set(world->loop, &t[0].timer, 1100);
    loop_timer_set(world->loop, &t[1].timer, 1101);
    loop_timer_set(world->loop, &t[2].timer, 1102);
    assert_turn(world, 2000, ".ac");
    assert_turn(world, 3000, ".");
}

static void due_timer_puts_off_another_that_is_due(void **state)
{
    struct loop_world *world = *state;
    struct thing t[2], hook;

    do_not_wait(&hook, world);
    things_init(t, array_len(t), world);
    t[0].act = set_other_later;
    t[0].other = &t[1];
    loop_timer_set(world->loop, &t[0].timer, 1100);
    loop_timer_set(world->loop, &t[1].timer, 1200);
    assert_turn(world, 2000, ".a");
    assert_turn(world, 5000, ".b");
}

static void wait_ends_with_the_first_timer(void **state)
{
    (void)state;
    struct loop_world world = {0};
    struct thing t[2];
    struct clock *clock = &clock_system;

    assert_int_equal(loop_new(clock, &world.loop), 0);
    things_init(t, array_len(t), &world);
    int64_t start_ms = clock_mono_ms(clock);
    loop_timer_set(world.loop, &t[0].timer, start_ms + 20);
    loop_timer_set(world.loop, &t[1].timer, start_ms + 3600000);
    while (!*world.calls)
        assert_int_equal(loop_turn(world.loop), 0);
    assert_string_equal(world.calls, "a");
    assert_in_range(clock_mono_ms(clock) - start_ms, 20, 10000);
    assert_in_range(loop_now_ms(world.loop) - start_ms, 20, 10000);
    loop_free(world.loop);
}

/* ---- descriptors ---- */

/* Gives the thing a pipe with something in it. */
static void thing_open(struct thing *thing)
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    thing->source.fd = ends[0];
    thing->write_fd = ends[1];
    assert_int_equal(write(thing->write_fd, "x", 1), 1);
    assert_int_equal(loop_fd_add(thing->world->loop, &thing->source, EPOLLIN), 0);
}

static void thing_close(struct thing *thing)
{
    closep(&thing->source.fd);
    closep(&thing->write_fd);
}

static void remove_both(struct thing *thing)
{
    loop_fd_remove(thing->world->loop, &thing->source);
    loop_fd_remove(thing->world->loop, &thing->other->source);
}

static void descriptors_are_level_triggered(void **state)
{
    struct loop_world *world = *state;
    struct thing t[1], hook;
    char byte;

    things_init(t, array_len(t), world);
    thing_open(&t[0]);
    assert_turn(world, 1000, "a");
    assert_turn(world, 1000, "a");
    assert_int_equal(read(t[0].source.fd, &byte, 1), 1);
    do_not_wait(&hook, world);
    assert_turn(world, 1000, ".");
    assert_int_equal(write(t[0].write_fd, "x", 1), 1);
    assert_turn(world, 1000, ".a");
    loop_fd_remove(world->loop, &t[0].source);
    assert_turn(world, 1000, ".");
    thing_close(&t[0]);
}

static void descriptor_changes_what_it_waits_for(void **state)
{
    struct loop_world *world = *state;
    struct thing t[1], hook;

    do_not_wait(&hook, world);
    things_init(t, array_len(t), world);
    thing_open(&t[0]);
    assert_int_equal(loop_fd_change(world->loop, &t[0].source, 0), 0);
    assert_turn(world, 1000, ".");
    assert_int_equal(loop_fd_change(world->loop, &t[0].source, EPOLLIN), 0);
    assert_turn(world, 1000, ".a");
    loop_fd_remove(world->loop, &t[0].source);
    thing_close(&t[0]);
}

static void count_and_set_again(void *ctx)
{
    struct thing *thing = ctx;

    thing->runs++;
    set_again_for_now(thing);
}

static void timer_that_is_always_due_leaves_descriptors_their_turn(void **state)
{
    struct loop_world *world = *state;
    struct thing t[2];

    things_init(t, array_len(t), world);
    thing_open(&t[1]);
    t[0].timer.fn = count_and_set_again;
    loop_timer_set(world->loop, &t[0].timer, 1000);
    assert_turn(world, 1000, "b");
    assert_in_range(t[0].runs, 1, 10000);
    assert_turn(world, 1000, "b");
    loop_fd_remove(world->loop, &t[1].source);
    thing_close(&t[1]);
}

/* Whichever of two comes first removes both: the other, which is ready too, is not called. */
static void removed_descriptor_is_not_called_this_turn(void **state)
{
    struct loop_world *world = *state;
    struct thing t[2], hook;

    do_not_wait(&hook, world);
    things_init(t, array_len(t), world);
    for (int i = 0; i < 2; i++) {
        t[i].act = remove_both;
        t[i].other = &t[1 - i];
        thing_open(&t[i]);
    }
    memset(world->calls, 0, sizeof(world->calls));
    assert_int_equal(loop_turn(world->loop), 0);
    assert_int_equal(strlen(world->calls), 2);
    assert_turn(world, 1000, ".");
    thing_close(&t[0]);
    thing_close(&t[1]);
}

static void take_two_ms(struct thing *thing)
{
    thing->world->now_ms += 2;
}

/* In two turns eight of twelve are called, each once; of the rest, one that is still there. */
static void a_long_turn_leaves_descriptors_to_the_next(void **state)
{
    struct loop_world *world = *state;
    struct thing t[12], hook;
    const struct thing *kept = NULL;

    do_not_wait(&hook, world);
    things_init(t, array_len(t), world);
    for (size_t i = 0; i < array_len(t); i++) {
        t[i].act = take_two_ms;
        thing_open(&t[i]);
    }
    memset(world->calls, 0, sizeof(world->calls));
    for (size_t turn = 1; turn <= 2; turn++) {
        assert_int_equal(loop_turn(world->loop), 0);
        assert_int_equal(strlen(world->calls), turn * (1 + 4)); /* the hook, and four of them */
    }
    for (size_t i = 0; i < array_len(t); i++) {
        const char *call = strchr(world->calls, t[i].name);
        assert_true(!call || !strchr(call + 1, t[i].name));
        if (!call && !kept)
            kept = &t[i];
        else
            loop_fd_remove(world->loop, &t[i].source);
    }
    assert_non_null(kept);
    assert_turn(world, world->now_ms, (const char[]){'.', kept->name, 0});
    for (size_t i = 0; i < array_len(t); i++)
        thing_close(&t[i]);
}

static void clear_own_timer(struct thing *thing)
{
    loop_timer_clear(thing->world->loop, &thing->timer);
}

static void descriptors_come_before_timers(void **state)
{
    struct loop_world *world = *state;
    struct thing t[2];

    things_init(t, array_len(t), world);
    loop_timer_set(world->loop, &t[0].timer, 900);
    thing_open(&t[1]);
    assert_turn(world, 1000, "ba");
    t[1].act = clear_own_timer; /* what is due is cleared by what comes before it */
    loop_timer_set(world->loop, &t[1].timer, 900);
    assert_turn(world, 1000, "b");
    loop_fd_remove(world->loop, &t[1].source);
    thing_close(&t[1]);
}

static void add_of_a_closed_descriptor_fails(void **state)
{
    struct loop_world *world = *state;
    struct thing t[1];

    things_init(t, array_len(t), world);
    assert_int_equal(loop_fd_add(world->loop, &t[0].source, EPOLLIN), -EBADF);
}

/* ---- stopping ---- */

static void stop(struct thing *thing)
{
    loop_stop(thing->world->loop);
}

static void run_ends_when_stopped_by_a_timer(void **state)
{
    struct loop_world *world = *state;
    struct thing t[2];

    things_init(t, array_len(t), world);
    t[0].act = stop;
    loop_timer_set(world->loop, &t[0].timer, 900);
    loop_timer_set(world->loop, &t[1].timer, 3600000);
    assert_int_equal(loop_run(world->loop), 0);
    assert_string_equal(world->calls, "a");
}

static void run_does_not_wait_when_stopped_by_a_hook(void **state)
{
    struct loop_world *world = *state;
    struct thing t[1];

    things_init(t, array_len(t), world);
    t[0].act = stop;
    t[0].wait_ms = -1; /* there is nothing else to wake it */
    loop_hook_add(world->loop, &t[0].hook);
    assert_int_equal(loop_run(world->loop), 0);
    assert_string_equal(world->calls, "a");
}

static void loop_knows_its_clock(void **state)
{
    struct loop_world *world = *state;
    struct thing hook;

    do_not_wait(&hook, world);
    assert_ptr_equal(loop_clock(world->loop), &world->clock);
    assert_int_equal(loop_now_ms(world->loop), 1000);
    world->now_ms = 2000;
    assert_int_equal(loop_now_ms(world->loop), 1000); /* as of the turn */
    assert_int_equal(loop_turn(world->loop), 0);
    assert_int_equal(loop_now_ms(world->loop), 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        loop_test(timers_run_in_order_of_time),
        loop_test(timer_moves_when_set_again),
        loop_test(cleared_timer_does_not_run),
        loop_test(due_timer_clears_another_that_is_due),
        loop_test(due_timer_puts_off_another_that_is_due),
        cmocka_unit_test(wait_ends_with_the_first_timer),
        loop_test(descriptors_are_level_triggered),
        loop_test(descriptor_changes_what_it_waits_for),
        loop_test(timer_that_is_always_due_leaves_descriptors_their_turn),
        loop_test(removed_descriptor_is_not_called_this_turn),
        loop_test(a_long_turn_leaves_descriptors_to_the_next),
        loop_test(descriptors_come_before_timers),
        loop_test(add_of_a_closed_descriptor_fails),
        loop_test(run_ends_when_stopped_by_a_timer),
        loop_test(run_does_not_wait_when_stopped_by_a_hook),
        loop_test(loop_knows_its_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
