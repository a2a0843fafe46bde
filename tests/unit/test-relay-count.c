/* SPDX-License-Identifier: MIT */
/*
 * How many events there are, and were. That the sum holds at every moment is looked at in all tests
 * of the relay (relay_world.h); here it is where each event goes.
 */
#include "tests/unit/lib/relay_cases.h"

static const char users_only[] = "{\"users\":{\"mutation\":\"users:syncFromBlade\"}}";
static const char named_other[] = "{\"other\":{\"mutation\":\"users:syncFromBlade\"}}";

static struct event_counts counts_of(const char *model)
{
    struct inbox *inbox = relay_inbox(shared->relay);
    cleanup(snapshot_done) struct snapshot snapshot = {0};

    assert_int_equal(inbox->fill_snapshot(inbox, &snapshot), 0);
    for (size_t i = 0; i < snapshot.routes_len; i++)
        if (strcmp(snapshot.routes[i].model, model) == 0)
            return snapshot.routes[i].counts ? *snapshot.routes[i].counts : snapshot.other;
    assert_string_equal(model, "other");
    return snapshot.other;
}

static void assert_model(const char *model, struct event_counts should)
{
    struct event_counts is = counts_of(model);

    assert_int_equal(is.accepted, should.accepted);
    assert_int_equal(is.delivered, should.delivered);
    assert_int_equal(is.discarded, should.discarded);
    assert_int_equal(is.buried, should.buried);
    assert_int_equal(is.pending, should.pending);
    assert_int_equal(is.dead, should.dead);
}

#define COUNTS(...) ((struct event_counts){__VA_ARGS__})

static bool a_discard_is_seen(struct world *world)
{
    return world_sum(world).discarded > 0;
}

static void test_delivered_before_it_is_written(void **state)
{
    (void)state;
    struct world *world = begin(&plain, takes_all);

    (void)world_send(world, "users", 1, 1);
    assert_model("users", COUNTS(0)); /* neither Convex nor the disk has it yet */
    world_run_until(world, nothing_is_left, 1000);
    assert_model("users", COUNTS(.accepted = 1, .delivered = 1));
    assert_model("posts", COUNTS(0));
}

static void test_pending_then_delivered(void **state)
{
    (void)state;
    struct world *world = begin(&plain, is_away);

    (void)world_send(world, "users", 1, 1);
    (void)world_send(world, "users", 1, 2);
    world_run(world, 50);
    assert_model("users", COUNTS(.accepted = 2, .pending = 2));
    world->convex = takes_all;
    world_run_until(world, nothing_is_left, 120000);
    assert_model("users", COUNTS(.accepted = 2, .delivered = 2));
}

static void test_dead_with_and_without_a_route(void **state)
{
    (void)state;
    struct world *world = begin(&plain, rejects_all);

    (void)world_send(world, "users", 1, 1);
    (void)world_send(world, "teams", 2, 1);
    world_run_until(world, nothing_is_left, 1000);
    assert_model("users", COUNTS(.accepted = 1, .buried = 1, .dead = 1));
    assert_model("other", COUNTS(.accepted = 1, .buried = 1, .dead = 1));
}

static void test_a_replay(void **state)
{
    (void)state;
    struct world *world = begin(&plain, rejects_all);

    (void)world_send(world, "users", 1, 1);
    world_run_until(world, nothing_is_left, 1000);
    world->convex = takes_all;
    change_beside(world, replay_row, 1);
    await_offers(world);
    world_run_until(world, nothing_is_left, 1000);
    assert_model("users", COUNTS(.accepted = 1, .delivered = 1, .buried = 1));
}

static void test_a_discard_beside_us(void **state)
{
    (void)state;
    struct world *world = begin(&plain, rejects_all);

    (void)world_send(world, "users", 1, 1);
    (void)world_send(world, "posts", 2, 1);
    world_run_until(world, nothing_is_left, 1000);
    change_beside(world, discard_row, 1);
    world_run_until(world, a_discard_is_seen, 1000 * WORLD_DAY_MS);
    assert_model("users", COUNTS(.accepted = 1, .buried = 1, .discarded = 1));
    assert_model("posts", COUNTS(.accepted = 1, .buried = 1, .dead = 1));
}

static void test_counts_outlive_a_restart(void **state)
{
    (void)state;
    struct world *world = begin(&plain, has_no_posts);

    (void)world_send(world, "users", 1, 1);
    (void)world_send(world, "posts", 2, 1);
    (void)world_send(world, "teams", 3, 1);
    world_run(world, 100);
    world_restart(world);
    assert_model("users", COUNTS(.accepted = 1, .delivered = 1));
    assert_model("posts", COUNTS(.accepted = 1, .pending = 1));
    assert_model("other", COUNTS(.accepted = 1, .buried = 1, .dead = 1));
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

static void test_a_failing_disk(void **state)
{
    (void)state;
    struct world *world = begin(&plain, rejects_all);

    fault_store_set(&world->disk, FAULT_APPEND, STORE_FULL);
    fault_store_set(&world->disk, FAULT_BURY, STORE_FULL);
    struct sender *sender = world_send(world, "users", 1, 1);
    world_run_until(world, nothing_is_left, 1000);
    assert_int_equal(sender->reply, REPLY_UNAVAILABLE);
    assert_model("users", COUNTS(0)); /* refused: it never was the relay's */
    world->convex = takes_all;
    (void)world_send(world, "users", 1, 2);
    world_run_until(world, nothing_is_left, 1000);
    assert_model("users", COUNTS(.accepted = 1, .delivered = 1));
}

static void test_without_an_outbox(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.keeps_nothing = true;
    struct world *world = begin(&options, rejects_all);

    (void)world_send(world, "users", 1, 1);
    (void)world_send(world, "teams", 2, 1);
    world_run_until(world, nothing_is_left, 1000);
    assert_model("users", COUNTS(.accepted = 1, .discarded = 1));
    assert_model("other", COUNTS(.accepted = 1, .discarded = 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_delivered_before_it_is_written, end),
        cmocka_unit_test_teardown(test_pending_then_delivered, end),
        cmocka_unit_test_teardown(test_dead_with_and_without_a_route, end),
        cmocka_unit_test_teardown(test_a_replay, end),
        cmocka_unit_test_teardown(test_a_discard_beside_us, end),
        cmocka_unit_test_teardown(test_counts_outlive_a_restart, end),
        cmocka_unit_test_teardown(test_a_route_comes_and_goes, end),
        cmocka_unit_test_teardown(test_a_route_that_is_named_other, end),
        cmocka_unit_test_teardown(test_a_failing_disk, end),
        cmocka_unit_test_teardown(test_without_an_outbox, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
