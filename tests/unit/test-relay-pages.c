/* SPDX-License-Identifier: MIT */
/* Pages: two numbers say what is in memory and what on disk only; and the reading of it. */
#include "relay/queue.h"

#include <unistd.h>

#include "tests/unit/lib/fault_allocator.h"
#include "tests/unit/lib/relay_cases.h"

/* ---- two numbers ---- */

static void test_a_queue_is_behind_from_the_first_that_spills(void **state)
{
    (void)state;
    struct queue queue = queue_begin(0);

    assert_false(queue_is_behind(&queue));
    queue_join(&queue, 10);
    assert_false(queue_is_behind(&queue));
    queue_spill(&queue, 11);
    assert_true(queue_is_behind(&queue));
    queue_read(&queue);
    queue_took(&queue, 11, true);
    assert_false(queue_is_behind(&queue));
    queue_join(&queue, 5); /* a letter that was replayed, and is older than what is in memory */
    assert_false(queue_is_behind(&queue));
    assert_int_equal(queue.cursor, 11);
}

static void test_what_spills_during_a_page_comes_with_the_next(void **state)
{
    (void)state;
    struct queue queue = queue_begin(20); /* a start */

    assert_true(queue_is_behind(&queue));
    assert_false(queue.first_read);
    queue_read(&queue);
    queue_spill(&queue, 21);
    queue_took(&queue, 0, true);
    assert_true(queue.first_read);
    assert_int_equal(queue.cursor, 20);
    assert_true(queue_is_behind(&queue));
    queue_read(&queue);
    assert_int_equal(queue.upto, 21);
    queue_took(&queue, 0, true); /* its append has failed */
    assert_false(queue_is_behind(&queue));
}

static void test_a_page_that_is_not_whole_moves_as_far_as_it_came(void **state)
{
    (void)state;
    struct queue queue = queue_begin(20);

    queue_read(&queue);
    queue_took(&queue, 7, false);
    assert_int_equal(queue.cursor, 7);
    queue_read(&queue);
    queue_took(&queue, 0, false); /* the outbox fails */
    assert_int_equal(queue.cursor, 7);
    assert_true(queue_is_behind(&queue));
}

/* ---- many routes ---- */

static struct world_answer has_no_m0(struct world *world, const char *path, int record, int number)
{
    (void)world, (void)record, (void)number;
    struct world_answer answer = strncmp(path, "m0:", 3) == 0 ? world_no_function() : world_done();

    answer.after_ms = 1;
    return answer;
}

/* A route that is held has all the room, and the others take turns with what is left. */
static void test_each_route_gets_its_turn(void **state)
{
    enum { ROUTES = 12, EACH = 50, BYTES = 70000, HELD = 14, HELD_BYTES = 2 << 20 };
    (void)state;
    struct world_options options = plain;
    options.routes = many_routes();
    struct world *world = begin(&options, has_no_m0);
    for (int i = 0; i < HELD; i++)
        (void)world_send_large(world, "m0", i, 1, HELD_BYTES);
    world_run(world, 100);
    for (int route = 1; route < ROUTES; route++)
        for (int i = 0; i < EACH; i++) {
            char model[16];
            (void)snprintf(model, sizeof(model), "m%d", route);
            (void)world_send_large(world, model, 100 * route + i, 1, BYTES);
        }
    for (int least = 0; least < EACH / 2; world_step(world)) {
        int most = 0;
        least = EACH;
        for (int route = 1; route < ROUTES; route++) {
            int done = 0;
            for (int i = 0; i < EACH; i++)
                done += world->newest[100 * route + i];
            least = done < least ? done : least;
            most = done > most ? done : most;
        }
        assert_true(most - least <= 4);
    }
}

/* ---- reads that fail ---- */

/* No time passes: that the first of them have failed keeps no other waiting, and none is read
 * again and again. */
static void test_a_start_waits_for_no_route_that_cannot_be_read(void **state)
{
    (void)state;
    struct world_options options = plain;
    struct world *world = begin(&options, takes_all);
    struct inbox *inbox = relay_inbox(world->relay);

    fault_store_set(&world->disk, FAULT_READ, STORE_BROKEN);
    int before = atomic_load(&world->disk.calls[FAULT_READ]);
    world_reload(world, many_routes());
    while (relay_loading(world->relay)) {
        assert_int_equal(loop_turn(world->loop), 0);
        (void)usleep(1000);
    }
    for (int i = 0; i < 100; i++) {
        assert_int_equal(loop_turn(world->loop), 0);
        (void)usleep(1000);
    }
    assert_in_range(atomic_load(&world->disk.calls[FAULT_READ]) - before, MANY_ROUTES,
                    2 * MANY_ROUTES + 10);
    assert_string_equal(inbox->not_ready(inbox), "The outbox cannot be read");
}

/* The rest of the page comes later, in its order. */
static void test_a_page_that_finds_no_memory(void **state)
{
    enum { EVENTS = 40, RECORDS = 3 };
    (void)state;
    struct world *world = begin(&plain, is_away);

    for (int i = 0; i < EVENTS; i++)
        (void)world_send(world, "users", i % RECORDS, i / RECORDS + 1);
    world_run(world, 100);
    world->convex = takes_all;
    fault_allocator_relay.countdown = EVENTS / 2;
    world_restart(world);
    assert_in_range(relay_pending(world->relay), 1, EVENTS / 2);
    world_run(world, 5000);
    assert_int_equal(world->done, EVENTS);
    assert_int_equal(world->disorders, 0);
    assert_counts(EVENTS, 0, 0);
}

/* ---- batches ---- */

enum { FEW_ROUTES = 20, LARGE = 500, LARGE_EVENTS = 4000 };

/* Others' shares of the window are no reason for small calls while nothing uses them. */
static void test_large_batches_with_many_routes(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf routes = BUF_NULL;

    for (int i = 0; i < FEW_ROUTES; i++)
        assert_int_equal(buf_printf(&routes,
                                    "%c\"m%d\":{\"mutation\":\"m%d:f\",\"batch\":{\"mutation\":"
                                    "\"m:fBatch\",\"max\":%d}}",
                                    i ? ',' : '{', i, i, LARGE),
                         0);
    assert_int_equal(buf_append_char(&routes, '}'), 0);
    struct world_options options = {.concurrency = 2, .routes = buf_string(&routes)};
    struct world *world = begin(&options, is_away);
    for (int record = 0; record < LARGE_EVENTS; record++)
        (void)world_send(world, "m0", record, 1);
    world_run(world, 100);
    world->convex = takes_all;
    world_run_until(world, nothing_is_left, INT64_C(600) * 1000);
    assert_int_equal(world->batch_max, LARGE);
    assert_counts(LARGE_EVENTS, 0, 0);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_queue_is_behind_from_the_first_that_spills),
        cmocka_unit_test(test_what_spills_during_a_page_comes_with_the_next),
        cmocka_unit_test(test_a_page_that_is_not_whole_moves_as_far_as_it_came),
        ROW(test_each_route_gets_its_turn),
        ROW(test_a_start_waits_for_no_route_that_cannot_be_read),
        ROW(test_a_page_that_finds_no_memory),
        ROW(test_large_batches_with_many_routes),
    };
    log_setup(LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
