/* SPDX-License-Identifier: MIT */
/*
 * The relay and its disk: slow ones, full ones, and events on disk behind others in memory.
 */
#include "tests/unit/lib/relay_cases.h"

/* ---- a disk that takes its time ---- */

enum { LONG_REASON = 3000 };

static char long_reason[LONG_REASON + 1];

/* Two failures, the second one wordier. */
static struct world_answer fails_twice(struct world *world, const char *path, int record,
                                       int number)
{
    (void)path, (void)number;
    if (record != 1 || world->attempts > 2)
        return world_done();
    return world_http(500, world->attempts == 0 ? "short" : long_reason);
}

static int reason_is_short(void *ctx, const struct store_row *row)
{
    *(bool *)ctx = row->id == id_of(1) && span_eq(row->reason, SPAN("short"));
    return 0;
}

/* The outbox reads what it was told of the first failure when the second one has been long ago. */
static void test_a_slow_note_keeps_its_reason(void **state)
{
    (void)state;
    struct world *world = begin(&plain, fails_twice);
    const struct store_filter all = {.last = STORE_FORCED};
    bool is_short = false;

    memset(long_reason, 'x', LONG_REASON);
    (void)world_send(world, "users", 1, 1);
    world_wait_for_disk(world);
    fault_store_hold(&world->disk);
    (void)world_send(world, "posts", 2, 1); /* whose append is held, and the note behind it */
    world_run_past_disk(world, 10);         /* the outbox gathers for a moment */
    fault_store_await(&world->disk);
    world_run_past_disk(world, 390); /* attempts at 0 and 270 ms */
    assert_int_equal(world->attempts, 3);
    fault_store_let_go(&world->disk);
    world_wait_for_disk(world);
    struct store *store = world_open(world, STORE_BESIDE);
    assert_int_equal(store->ops->read(store, &all, reason_is_short, &is_short), 0);
    store->ops->close(store);
    assert_true(is_short);
    world_run_until(world, nothing_is_left, 60000);
    assert_counts(2, 0, 0);
}

/* An event that became a dead letter behind the relay's back is one already. */
static void test_buried_by_somebody_else(void **state)
{
    (void)state;
    struct world *world = begin(&plain, rejects_all);

    (void)world_send(world, "users", 1, 1);
    world_wait_for_disk(world);
    change_beside(world, bury_row, 1);
    world_run_until(world, nothing_is_left, 5000);
    assert_counts(0, 1, 0);
}

/* ---- others may go ---- */

enum { BAD = 80 }; /* more than a route's window, where there are many */

static struct world_answer conflicts_but_for_the_last(struct world *world, const char *path,
                                                      int record, int number)
{
    return record < BAD ? world_conflict() : takes_all(world, path, record, number);
}

/* Events that fail again and again fill the window: another record's must not wait for them. */
static void test_failing_events_stop_no_others(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.step_ms = 20;
    options.routes = many_routes();
    struct world *world = begin(&options, conflicts_but_for_the_last);

    for (int record = 0; record < BAD; record++)
        (void)world_send(world, "m0", record, 1);
    world_run(world, 60 * 1000); /* until they rest for long */
    (void)world_send(world, "m0", BAD, 1);
    world_run(world, 5000);
    assert_int_equal(world->done, 1);
    assert_counts(1, 0, BAD);
}

static struct world_answer conflicts_for_record_0(struct world *world, const char *path, int record,
                                                  int number)
{
    return record == 0 ? world_conflict() : takes_all(world, path, record, number);
}

static void test_one_record_stops_no_others(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.step_ms = 20;
    options.routes = many_routes();
    struct world *world = begin(&options, conflicts_for_record_0);

    for (int number = 1; number <= BAD; number++)
        (void)world_send(world, "m0", 0, number);
    (void)world_send(world, "m0", 1, 1);
    world_run(world, 5000);
    assert_int_equal(world->done, 1);
    world->convex = takes_all;
    world_run_until(world, nothing_is_left, WORLD_DAY_MS);
    assert_int_equal(world->disorders, 0);
    assert_counts(BAD + 1, 0, 0);
}

/* ---- large events ---- */

enum {
    LARGE = 2 << 20,
    LARGE_EVENTS = 30,
    LARGE_AT_ONCE = 14, /* a few more than 24 MiB */
};

static void test_large_events_are_paged_by_bytes(void **state)
{
    (void)state;
    struct world *world = begin(&plain, is_away);

    for (int i = 0; i < LARGE_EVENTS; i++) {
        (void)world_send_large(world, "users", i % 3, i / 3 + 1, LARGE);
        world_wait_for_disk(world);
    }
    assert_true(relay_pending(world->relay) <= LARGE_AT_ONCE);
    world_restart(world);
    world_run(world, 100);
    assert_in_range(relay_pending(world->relay), 10, LARGE_AT_ONCE);
    world->convex = takes_all;
    world_run_until(world, nothing_is_left, 600 * 1000);
    assert_int_equal(world->done, LARGE_EVENTS);
    assert_int_equal(world->disorders, 0);
    assert_counts(LARGE_EVENTS, 0, 0);
}

static void test_one_event_is_always_let_in(void **state)
{
    (void)state;
    struct world *world = begin(&plain, has_no_posts);

    for (int i = 0; i < LARGE_EVENTS; i++)
        (void)world_send_large(world, "posts", i, 1, LARGE);
    world_run(world, 100);
    for (int i = 0; i < LARGE_EVENTS; i++)
        (void)world_send_large(world, "users", i, 1, LARGE);
    world_run(world, 10000);
    assert_counts(LARGE_EVENTS, 0, LARGE_EVENTS); /* a held route has the room, and others go on */
}

/* What is on disk is no reason to refuse others. */
static void test_events_on_disk_are_out_of_the_budget(void **state)
{
    (void)state;
    struct world *world = begin(&plain, is_away);
    struct inbox *inbox = relay_inbox(world->relay);

    fault_store_hold(&world->disk);
    for (int i = 0; i < LARGE_EVENTS; i++)
        (void)world_send_large(world, "users", i, 1, LARGE);
    assert_in_range(inbox->unstored_bytes(inbox), LARGE_EVENTS * LARGE,
                    LARGE_EVENTS * (LARGE + 4096));
    fault_store_let_go(&world->disk);
    world_wait_for_disk(world);
    assert_int_equal(inbox->unstored_bytes(inbox), 0);
    world_restart(world);
    inbox = relay_inbox(world->relay);
    assert_int_equal(inbox->unstored_bytes(inbox), 0);
    assert_counts(0, 0, LARGE_EVENTS);
}

/* ---- a disk that refuses ---- */

/* The event is neither delivered nor stored, and keeps no later one from Convex. */
static void test_a_rejected_event_that_no_disk_keeps(void **state)
{
    (void)state;
    struct world *world = begin(&plain, rejects_all);

    fault_store_set(&world->disk, FAULT_APPEND, STORE_FULL);
    fault_store_set(&world->disk, FAULT_BURY, STORE_FULL);
    struct sender *rejected = world_send(world, "users", 1, 1);
    world_run(world, 100);
    assert_int_equal(rejected->reply, REPLY_UNAVAILABLE);
    assert_same_text(buf_span(&rejected->message), SPAN("Uncaught Error: no"));
    assert_int_equal(relay_pending(world->relay), 0);
    assert_counts(0, 0, 0); /* it never was the relay's */
    world->convex = takes_all;
    struct sender *next = world_send(world, "users", 1, 2);
    world_run(world, 100);
    assert_int_equal(next->reply, REPLY_DELIVERED);
    fault_store_set(&world->disk, FAULT_APPEND, 0);
    world_restart(world);
    assert_counts(1, 0, 0);
}

/* An event on disk stays the relay's affair: the sender is told, and the burial is tried again. */
static void test_a_burial_is_tried_again(void **state)
{
    (void)state;
    struct world *world = begin(&plain, rejects_all);
    struct sender *sender = world_send(world, "users", 1, 1);

    world_wait_for_disk(world);
    fault_store_set(&world->disk, FAULT_BURY, STORE_BROKEN);
    world_run(world, 100);
    assert_int_equal(sender->reply, REPLY_FAILED);
    world_run(world, 5000);
    assert_counts(0, 0, 1);
    fault_store_set(&world->disk, FAULT_BURY, 0);
    world_run_until(world, nothing_is_left, 2000);
    assert_int_equal(world->attempts, 1);
    assert_counts(0, 1, 0);
}

/* The append was under way when Convex took the event, and then failed: nothing is left to be
 * written. */
static struct world_answer takes_near(struct world *world, const char *path, int record, int number)
{
    struct world_answer answer = takes_all(world, path, record, number);

    answer.after_ms = 1;
    return answer;
}

static void test_what_convex_takes_at_once_costs_no_write(void **state)
{
    (void)state;
    struct world *world = begin(&plain, takes_near);

    (void)world_send(world, "users", 1, 1); /* written: a backlog may be before it */
    world_run(world, 100);
    int before = atomic_load(&world->disk.calls[FAULT_APPEND]);
    for (int record = 2; record <= 20; record++) {
        (void)world_send(world, "users", record, 1);
        world_run_past_disk(world, 2);
    }
    world_run(world, 100);
    assert_int_equal(world->done, 20);
    /* The looks for replays and for what others have done, once a second, take what is staged
     * along. */
    assert_in_range(atomic_load(&world->disk.calls[FAULT_APPEND]) - before, 0, 2);
}

/* The same Convex, but so many at once that the outbox waits no longer. */
static void test_a_burst_is_written_at_once(void **state)
{
    (void)state;
    struct world *world = begin(&plain, takes_near);

    for (int record = 1; record <= 300; record++)
        (void)world_send(world, "users", record, 1);
    assert_int_equal(loop_turn(world->loop), 0);
    world_wait_for_disk(world);
    assert_int_equal(atomic_load(&world->disk.calls[FAULT_APPEND]), 300);
    world_run(world, 100);
    assert_int_equal(world->done, 300);
}

static void test_delivered_while_the_disk_breaks(void **state)
{
    (void)state;
    struct world *world = begin(&plain, takes_all);

    fault_store_set(&world->disk, FAULT_COMMIT, STORE_BROKEN);
    fault_store_hold(&world->disk);
    (void)world_send(world, "users", 1, 1);
    world_run_past_disk(world, 10); /* the outbox gathers for a moment */
    fault_store_await(&world->disk);
    world_run_past_disk(world, 100);
    assert_int_equal(world->done, 1);
    fault_store_let_go(&world->disk);
    world_run(world, 100);
    assert_int_equal(relay_pending(world->relay), 0);
    struct sender *next = world_send(world, "users", 1, 2);
    world_run(world, 100);
    assert_int_equal(next->reply, REPLY_DELIVERED);
    fault_store_set(&world->disk, FAULT_COMMIT, 0);
    world_restart(world);
    assert_counts(2, 0, 0);
}

static void test_an_unknown_model_that_no_disk_keeps(void **state)
{
    (void)state;
    struct world *world = begin(&plain, takes_all);

    fault_store_set(&world->disk, FAULT_BURY, STORE_FULL);
    struct sender *sender = world_send(world, "comments", 1, 1);
    world_run(world, 100);
    assert_true(sender->answered);
    assert_int_equal(sender->reply, REPLY_UNAVAILABLE);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest tests[] = {
        ROW(test_a_slow_note_keeps_its_reason),
        ROW(test_failing_events_stop_no_others),
        ROW(test_one_record_stops_no_others),
        ROW(test_buried_by_somebody_else),
        ROW(test_large_events_are_paged_by_bytes),
        ROW(test_one_event_is_always_let_in),
        ROW(test_events_on_disk_are_out_of_the_budget),
        ROW(test_a_rejected_event_that_no_disk_keeps),
        ROW(test_a_burial_is_tried_again),
        ROW(test_what_convex_takes_at_once_costs_no_write),
        ROW(test_a_burst_is_written_at_once),
        ROW(test_delivered_while_the_disk_breaks),
        ROW(test_an_unknown_model_that_no_disk_keeps),
    };
    log_setup(LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
