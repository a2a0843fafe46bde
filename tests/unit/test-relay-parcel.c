/* SPDX-License-Identifier: MIT */
/* Parcels: the events of one request are stored all or none, then sent, and answered together. */
#include "tests/unit/lib/parcel_world.h"

#include "relay/delivery.h"
#include "tests/unit/lib/fault_allocator.h"

enum { STATEMENTS = 40 };

static const char stored_text[] = "The events could not be stored";

/* ---- results ---- */

static struct world_answer rejects_two(struct world *world, const char *path, int record,
                                       int number)
{
    (void)world, (void)path, (void)number;
    return record == 2 ? world_rejected() : world_done();
}

static void test_results_by_place(void **state)
{
    (void)state;
    struct world *world = begin_parcels(&plain, rejects_two);
    struct sent *sent = send_text(ONE "," TWO ",{\"data\":null},{\"data\":[1,2]}," THREE
                                      ",{\"data\":{\"bladeId\":\"r4\",\"n\":1,\"$x\":1}}");

    finish(world);
    assert_answer(sent, REPLY_RESULTS,
                  RESULTS(2, 4, 6,
                          DONE "," ERROR("Uncaught Error: no") "," ERROR(
                              "Cannot convert undefined or null to "
                              "object") "," ERROR("The arguments to a Convex function must be an "
                                                  "object. Received: 1,2") "," DONE
                                                                           "," ERROR("Field "
                                                                                     "name "
                                                                                     "$x "
                                                                                     "starts "
                                                                                     "with a "
                                                                                     "'$', "
                                                                                     "which "
                                                                                     "is "
                                                                                     "reserve"
                                                                                     "d.")));
    assert_counts(2, 4, 0);
    assert_int_equal(world->attempts, 3);
}

static void test_some_are_queued(void **state)
{
    (void)state;
    struct world *world = begin_parcels(&plain, is_away_for_two);
    struct sent *sent = send_text(ONE "," TWO);

    world_run(world, plain.sync_wait_ms - 100);
    assert_false(sent->answered);
    world_run(world, 200);
    assert_answer(sent, REPLY_RESULTS, RESULTS(2, 0, 2, DONE "," QUEUED));
    assert_counts(1, 0, 1);
}

static void test_all_are_queued(void **state)
{
    (void)state;
    struct world *world = begin_parcels(&plain, is_away);
    struct sent *sent = send_text(ONE "," TWO);

    world_run(world, plain.sync_wait_ms + 100);
    assert_answer(sent, REPLY_RESULTS_QUEUED, RESULTS(2, 0, 2, QUEUED "," QUEUED));
    assert_counts(0, 0, 2);
    restart(world);
    world->convex = takes_all;
    finish(world);
    assert_counts(2, 0, 0);
}

static void test_nobody_waits(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.sync_wait_ms = 1;
    struct world *world = begin_parcels(&options, takes_all);
    struct sent *sent = send_text(ONE "," TWO);

    world_run(world, 10);
    assert_answer(sent, REPLY_RESULTS_QUEUED, RESULTS(2, 0, 2, QUEUED "," QUEUED));
    finish(world);
    assert_counts(2, 0, 0);
}

static void test_no_records(void **state)
{
    (void)state;
    struct world *world = begin_parcels(&plain, takes_all);
    struct sent *sent = send_text("");

    world_run(world, 10);
    assert_answer(sent, REPLY_RESULTS, RESULTS(0, 0, 0, ""));
    assert_counts(0, 0, 0);
}

static void test_no_route(void **state)
{
    (void)state;
    struct world *world = begin_parcels(&plain, takes_all);
    struct sent *sent = send_many("comments", 2, 2, 1, 0);

    world_run(world, 10);
    assert_answer(sent, REPLY_RESULTS,
                  RESULTS(0, 2, 2,
                          ERROR("No route for model comments") "," ERROR("No route for model "
                                                                         "comments")));
    assert_counts(0, 2, 0);
    assert_int_equal(world->attempts, 0);
}

/* ---- the disk ---- */

static void test_stored_before_anything_is_sent(void **state)
{
    (void)state;
    struct world *world = begin_parcels(&plain, takes_all);
    struct inbox *inbox = relay_inbox(world->relay);

    fault_store_hold(&world->disk);
    struct sent *sent = send_text(ONE "," TWO);
    world_run_past_disk(world, 10);
    fault_store_await(&world->disk);
    world_run_past_disk(world, 1000);
    assert_int_equal(world->attempts, 0);
    assert_false(sent->answered);
    assert_true(inbox->unstored_bytes(inbox) > 2 * sizeof(struct delivery));
    fault_store_let_go(&world->disk);
    world_wait_for_disk(world);
    assert_int_equal(inbox->unstored_bytes(inbox), 0);
    finish(world);
    assert_answer(sent, REPLY_RESULTS, RESULTS(2, 0, 2, DONE "," DONE));
    assert_int_equal(world->attempts, 2);
}

/* A record has letters where an event is one, and the next event of the record waits for that
 * event. */
static void test_full_disk_takes_nothing(void **state)
{
    static const char *const records[] = {ONE "," TWO "," THREE, ONE ",{\"data\":null}",
                                          "{\"data\":null},{\"data\":5}"};
    (void)state;
    struct world *world = begin_parcels(&plain, takes_all);

    for (size_t i = 0; i < array_len(records); i++) {
        fault_store_set(&world->disk, FAULT_APPEND, STORE_FULL);
        fault_store_set(&world->disk, FAULT_BURY, STORE_FULL);
        struct sent *sent = send_text(records[i]);
        struct sender *behind = world_send(world, "users", 1, (int)i + 2);
        world_run(world, 1000);
        assert_answer(sent, REPLY_UNAVAILABLE, stored_text);
        assert_int_equal(behind->reply, REPLY_DELIVERED); /* Convex is well */
        assert_int_equal(world->attempts, i + 1);
        fault_store_set(&world->disk, FAULT_APPEND, 0);
        fault_store_set(&world->disk, FAULT_BURY, 0);
        finish(world);
        assert_counts(i + 1, 0, 0);
    }
}

/* The third event has no room, at once or at the commit only; the event outside the parcel is
 * stored. */
static void test_disk_is_full_half_way(void **state)
{
    (void)state;
    struct world *world = begin_parcels(&plain, is_away);

    for (int late = 0; late < 2; late++) {
        atomic_store(&world->disk.refused_with, STORE_FULL);
        atomic_store(&world->disk.refused_late, late == 1);
        atomic_store(&world->disk.refused_id, outbox_last_id(world->outbox) + 3);
        struct sent *sent = send_text(ONE "," TWO "," THREE);
        struct sender *beside = world_send(world, "posts", 1, 1);
        world_run(world, plain.sync_wait_ms + 100);
        assert_answer(sent, REPLY_UNAVAILABLE, stored_text);
        assert_true(beside->reply == REPLY_QUEUED || beside->reply == REPLY_QUEUED_AFTER);
        assert_counts(0, 0, (uint64_t)late + 1);
    }
}

/* The process dies before any of the statements that store the parcel, and of those behind it. */
static void test_killed_between_any_two_statements(void **state)
{
    (void)state;
    bool none = false, all = false;

    for (int n = 1; n <= STATEMENTS; n++) {
        struct world *world = begin_parcels(&plain, takes_all);
        fault_store_crash_before(&world->disk, n);
        struct sent *sent = send_text(ONE "," TWO ",{\"data\":null}," THREE);
        world_run(world, 200);
        bool answered = sent->answered && sent->reply == REPLY_RESULTS;
        int done_before = world->done;
        restart(world);
        finish(world);
        struct store_counts counts = world_counts(world);
        assert_true(counts.accepted == 0 || counts.accepted == 4);
        assert_true(counts.accepted == 4 || (!answered && done_before == 0));
        assert_int_equal(counts.dead, counts.accepted / 4);
        none |= counts.accepted == 0;
        all |= counts.accepted == 4;
        (void)end_parcels(state);
    }
    assert_true(none && all);
}

/* ---- memory ---- */

static void test_no_memory_for_the_nth(void **state)
{
    (void)state;
    struct world *world = begin_parcels(&plain, takes_all);
    uint64_t delivered = 0, dead = 0;
    bool refused = true;

    for (int n = 1; refused; n++) {
        int attempts = world->attempts;
        sents_len = 0;
        fault_allocator_relay.countdown = n;
        struct sent *sent = send_text(ONE "," TWO ",{\"data\":null}," THREE);
        assert_int_equal(loop_turn(world->loop), 0);
        fault_allocator_end();
        finish(world);
        refused = sent->reply == REPLY_UNAVAILABLE;
        if (refused) {
            assert_answer(sent, REPLY_UNAVAILABLE, "Out of memory");
            assert_int_equal(world->attempts, attempts);
        } else {
            delivered += 3, dead++;
            assert_int_equal(sent->reply, REPLY_RESULTS);
        }
        assert_counts(delivered, dead, 0);
        assert_int_equal(relay_pending(world->relay), 0);
        buf_done(&sent->message);
    }
    assert_int_equal(world->disorders, 0);
}

static const struct CMUnitTest tests[] = {
    parcel_test(test_results_by_place),
    parcel_test(test_some_are_queued),
    parcel_test(test_all_are_queued),
    parcel_test(test_nobody_waits),
    parcel_test(test_no_records),
    parcel_test(test_no_route),
    parcel_test(test_stored_before_anything_is_sent),
    parcel_test(test_full_disk_takes_nothing),
    parcel_test(test_disk_is_full_half_way),
    parcel_test(test_killed_between_any_two_statements),
    parcel_test(test_no_memory_for_the_nth),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
