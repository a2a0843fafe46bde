/* SPDX-License-Identifier: MIT */
/*
 * How many events there are, and were. That the sum holds at every moment is looked at in all tests
 * of the relay (relay_world.h); here it is where each event goes.
 */
#include "tests/unit/lib/relay_cases.h"

static const char users_only[] = "{\"users\":{\"mutation\":\"users:syncFromBlade\"}}";
static const char named_other[] = "{\"other\":{\"mutation\":\"users:syncFromBlade\"}}";

static void assert_model(const char *model, struct event_counts should)
{
    cleanup(snapshot_done) struct snapshot snapshot = {0};
    const struct snapshot_route *route = world_look(shared, &snapshot, model);
    struct event_counts is = route && route->counts ? *route->counts : snapshot.other;

    assert_true(route || strcmp(model, "other") == 0);
    assert_int_equal(is.accepted, should.accepted);
    assert_int_equal(is.delivered, should.delivered);
    assert_int_equal(is.discarded, should.discarded);
    assert_int_equal(is.buried, should.buried);
    assert_int_equal(is.pending, should.pending);
    assert_int_equal(is.dead, should.dead);
}

#define COUNTS(...) ((struct event_counts){__VA_ARGS__})

/* ---- one of users, one of posts, and one that has no route ---- */

#define DELIVERED                                                                                  \
    {                                                                                              \
        .accepted = 1, .delivered = 1                                                              \
    }
#define PENDING                                                                                    \
    {                                                                                              \
        .accepted = 1, .pending = 1                                                                \
    }
#define DEAD                                                                                       \
    {                                                                                              \
        .accepted = 1, .buried = 1, .dead = 1                                                      \
    }
#define DISCARDED                                                                                  \
    {                                                                                              \
        .accepted = 1, .discarded = 1                                                              \
    }

static struct fate_row {
    const char *name;
    world_convex_fn convex;
    bool keeps_nothing;
    struct event_counts users, posts, other;
} fate_rows[] = {
    {"Convex takes them", takes_all, false, DELIVERED, DELIVERED, DEAD},
    {"Convex refuses them", rejects_all, false, DEAD, DEAD, DEAD},
    {"Convex is away", is_away, false, PENDING, PENDING, DEAD},
    {"a function is missing", has_no_posts, false, DELIVERED, PENDING, DEAD},
    {"nothing is kept, and Convex takes them", takes_all, true, DELIVERED, DELIVERED, DISCARDED},
    {"nothing is kept, and Convex refuses them", rejects_all, true, DISCARDED, DISCARDED,
     DISCARDED},
};

static void test_fates(void **state)
{
    const struct fate_row *row = *state;
    struct world_options options = plain;
    options.keeps_nothing = row->keeps_nothing;
    struct world *world = begin(&options, row->convex);

    (void)world_send(world, "users", 1, 1);
    (void)world_send(world, "posts", 2, 1);
    (void)world_send(world, "teams", 3, 1);
    world_run(world, 100);
    for (int restarts = 0; restarts < 2; restarts++) {
        assert_model("users", row->users);
        assert_model("posts", row->posts);
        assert_model("other", row->other);
        if (row->keeps_nothing)
            return;
        world_restart(world);
    }
}

/* ---- at other moments ---- */

static void test_delivered_before_it_is_written(void **state)
{
    (void)state;
    struct world *world = begin(&plain, takes_all);

    (void)world_send(world, "users", 1, 1);
    assert_model("users", COUNTS(0)); /* neither Convex nor the disk has it yet */
    world_run_until(world, nothing_is_left, 1000);
    assert_model("users", COUNTS(.accepted = 1, .delivered = 1));
}

static bool a_discard_is_seen(struct world *world)
{
    return world_sum(world).discarded > 0;
}

static void test_commands_beside_us(void **state)
{
    (void)state;
    struct world *world = begin(&plain, rejects_all);

    (void)world_send(world, "users", 1, 1);
    (void)world_send(world, "posts", 2, 1);
    world_run_until(world, nothing_is_left, 1000);
    change_beside(world, discard_row, 1);
    world_run_until(world, a_discard_is_seen, 1000 * WORLD_DAY_MS);
    assert_model("users", COUNTS(.accepted = 1, .buried = 1, .discarded = 1));
    world->convex = takes_all;
    change_beside(world, replay_row, 2);
    await_offers(world);
    world_run_until(world, nothing_is_left, 1000);
    assert_model("posts", COUNTS(.accepted = 1, .buried = 1, .delivered = 1));
}

/* Whatever a route names is counted by itself from then on. */
static void test_a_route_comes_and_goes(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.routes = users_only;
    struct world *world = begin(&options, rejects_all);

    (void)world_send(world, "posts", 1, 1);
    world_run_until(world, nothing_is_left, 1000);
    assert_model("other", COUNTS(.accepted = 1, .buried = 1, .dead = 1));
    world_reload(world, NULL);
    world_wait_for_disk(world);
    assert_model("other", COUNTS(.buried = 1)); /* a counter never goes down */
    assert_model("posts", COUNTS(.accepted = 1, .dead = 1));
    world_reload(world, users_only);
    world_wait_for_disk(world);
    assert_model("posts", COUNTS(.accepted = 1, .dead = 1));
    world_restart(world);
    assert_model("posts", COUNTS(.accepted = 1, .dead = 1));
}

static void test_a_route_that_is_named_other(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.routes = named_other;
    struct world *world = begin(&options, takes_all);

    (void)world_send(world, "other", 1, 1);
    (void)world_send(world, "teams", 2, 1);
    world_run_until(world, nothing_is_left, 1000);
    assert_model("other", COUNTS(.accepted = 2, .delivered = 1, .buried = 1, .dead = 1));
    world_restart(world);
    assert_model("other", COUNTS(.accepted = 2, .delivered = 1, .buried = 1, .dead = 1));
}

int main(void)
{
#define ROW(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest plain_tests[] = {
        ROW(test_delivered_before_it_is_written),
        ROW(test_commands_beside_us),
        ROW(test_a_route_comes_and_goes),
        ROW(test_a_route_that_is_named_other),
    };
    struct CMUnitTest tests[array_len(plain_tests) + array_len(fate_rows)];

    memcpy(tests, plain_tests, sizeof(plain_tests));
    (void)cases_add(tests, array_len(plain_tests), fate_rows, test_fates);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
