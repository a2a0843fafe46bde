/* SPDX-License-Identifier: MIT */
/* When a gate lets somebody through, on a clock and with dice that the test has in its hands. */
#include "tests/unit/lib/hand_loop.h"

#include "relay/gate.h"

enum { GAP_MIN_MS = 100, DUE_MS = 1000 * 1000 };

struct world {
    struct hand_loop hand;
    struct dice dice;
    struct gate gate;
    int in_flight;
    int changes; /* that the gate has told of */
};

static uint64_t highest(struct dice *dice, uint64_t sides)
{
    (void)dice;
    return sides - 1;
}

static void count_change(void *ctx)
{
    ((struct world *)ctx)->changes++;
}

static int world_setup(void **state)
{
    static struct world world;

    world = (struct world){.dice = {.roll = highest}};
    hand_loop_open(&world.hand);
    gate_init(&world.gate, &(struct gate_options){.loop = world.hand.loop,
                                                  .dice = &world.dice,
                                                  .in_flight = &world.in_flight,
                                                  .gap_min_ms = GAP_MIN_MS,
                                                  .changed = count_change,
                                                  .ctx = &world});
    *state = &world;
    return 0;
}

static int world_teardown(void **state)
{
    struct world *world = *state;

    gate_done(&world->gate);
    hand_loop_close(&world->hand);
    return 0;
}

static void go_to(struct world *world, int64_t now_ms)
{
    world->hand.now_ms = now_ms;
    assert_int_equal(loop_turn(world->hand.loop), 0);
    assert_int_equal(loop_turn(world->hand.loop), 0); /* with what it has set meanwhile */
}

/* One is refused; the next probe is due after such a time. */
static enum gate_news refuse(struct world *world, struct blame *blame, bool by_event)
{
    const struct gate_failure failure = {.cause = "401",
                                         .certain = true,
                                         .by_event = by_event,
                                         .began_ms = world->hand.now_ms,
                                         .retry_after_ms = DUE_MS};

    return gate_failed(&world->gate, blame, &failure);
}

/* Nobody gets through before that time, and somebody does then. */
static void assert_probes_at(struct world *world, int64_t at_ms)
{
    go_to(world, at_ms - 1);
    assert_int_equal(gate_room(&world->gate, 7, 9), 0);
    go_to(world, at_ms);
    assert_in_range(gate_room(&world->gate, 7, 9), 1, 7);
}

static void closes_and_opens_again(void **state)
{
    struct world *world = *state;
    struct blame blame = {0};

    assert_int_equal(gate_room(&world->gate, 7, 9), 7);
    assert_int_equal(refuse(world, &blame, false), GATE_CLOSES);
    assert_int_equal(gate_room(&world->gate, 7, 9), 0);
    world->in_flight = 2;
    assert_probes_at(world, DUE_MS);
    assert_int_equal(world->changes, 1);
    assert_int_equal(gate_room(&world->gate, 7, 9), 3);
    assert_int_equal(gate_room(&world->gate, 7, 1), 1);
    assert_true(gate_passed(&world->gate));
    assert_int_equal(gate_room(&world->gate, 7, 9), 7);
    assert_false(gate_passed(&world->gate));
}

/* Else there would be another probe at once, and so on. */
static void probe_of_one_to_blame_closes_it_again(void **state)
{
    struct world *world = *state;
    struct blame first = {0}, to_blame = {.first = 1, .own = true};

    (void)refuse(world, &first, false);
    assert_probes_at(world, DUE_MS);
    assert_int_equal(refuse(world, &to_blame, false), GATE_NO_NEWS);
    assert_probes_at(world, 2 * DUE_MS);
}

static void who_knocks_leaves_the_next_probe_where_it_is(void **state)
{
    struct world *world = *state;
    struct blame first = {0};

    (void)refuse(world, &first, true);
    for (int64_t now_ms = 1000; now_ms < DUE_MS; now_ms += 1000) {
        gate_knock(&world->gate);
        go_to(world, now_ms);
        if (gate_room(&world->gate, 7, 9) > 0) {
            struct blame blame = {0};
            (void)refuse(world, &blame, true);
        }
    }
    assert_in_range(world->changes, 100, DUE_MS / GATE_GAP_MAX_MS + 100);
    assert_probes_at(world, DUE_MS); /* nobody knocks */
}

/* The longer nobody has got through, the longer it takes. */
static void gap_between_two_that_knock_grows(void **state)
{
    struct world *world = *state;
    struct blame first = {0}, second = {0}, third = {0};

    (void)refuse(world, &first, true);
    gate_knock(&world->gate);
    assert_probes_at(world, GAP_MIN_MS);
    go_to(world, 32000);
    (void)refuse(world, &second, true);
    gate_knock(&world->gate);
    assert_probes_at(world, 32000 + 32000 / GATE_GAP_SHARE);
    go_to(world, DUE_MS / 2);
    (void)refuse(world, &third, true);
    gate_knock(&world->gate);
    assert_probes_at(world, DUE_MS / 2 + GATE_GAP_MAX_MS);
}

/* What was sent cannot be why. */
static void nobody_is_heard_where_convex_is_away(void **state)
{
    struct world *world = *state;
    struct blame first = {0};

    (void)refuse(world, &first, false);
    gate_knock(&world->gate);
    assert_probes_at(world, DUE_MS);
}

#define gate_test(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        gate_test(closes_and_opens_again),
        gate_test(probe_of_one_to_blame_closes_it_again),
        gate_test(who_knocks_leaves_the_next_probe_where_it_is),
        gate_test(gap_between_two_that_knock_grows),
        gate_test(nobody_is_heard_where_convex_is_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
