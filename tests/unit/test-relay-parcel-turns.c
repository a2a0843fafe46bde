/* SPDX-License-Identifier: MIT */
/* Parcels that take many turns of the loop, what comes between, and relays without an outbox. */
#include "tests/unit/lib/parcel_world.h"

#include "convex/transport.h"

/* ---- many ---- */

/* Ten thousand events, and one more, until all senders have answers. */
static struct world *begin_many(int records)
{
    struct world *world = begin_in_steps(20, takes_all);

    begin_service(world);
    struct sent *sent = send_many("users", PARCEL_BODY_RECORDS_MAX, records, 1, 0);
    unpack(world);
    struct sender *behind = world_send(world, "users", 0, PARCEL_BODY_RECORDS_MAX + 1);
    world_run(world, plain.sync_wait_ms + 1000);
    assert_true(sent->answered && behind->answered);
    assert_int_equal(count_in(sent, "true}"), PARCEL_BODY_RECORDS_MAX);
    assert_int_equal(count_in(sent, "error"), 0);
    return world;
}

static void test_ten_thousand_of_many_records(void **state)
{
    (void)state;
    struct world *world = begin_many(PARCEL_BODY_RECORDS_MAX);

    finish(world);
    assert_int_equal(world->disorders, 0);
    assert_int_equal(world->overlaps, 0);
    assert_int_equal(world->newest[0], PARCEL_BODY_RECORDS_MAX + 1);
    assert_counts(PARCEL_BODY_RECORDS_MAX + 1, 0, 0);
}

/* One after the other: to see them all arrive would take minutes. The next process goes on. */
static void test_ten_thousand_of_one_record(void **state)
{
    (void)state;
    struct world *world = begin_many(1);

    assert_true(world->done > 200);
    restart(world);
    world_run(world, 5000);
    assert_true(world->done > 300);
    assert_int_equal(world->disorders, 0);
    assert_int_equal(world->overlaps, 0);
    assert_true(world->newest[0] >= world->done - 1);
    assert_int_equal(world_sum(world).accepted, PARCEL_BODY_RECORDS_MAX + 1);
}

/* The route is behind: nothing of the parcel has a place, and it comes back in order. */
static void test_behind_others(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(20, takes_all);

    begin_service(world);
    struct sent *before = send_many("users", 6000, 100, 1, 0);
    world_wait_for_disk(world);
    struct sent *sent = send_many("users", 200, 100, 61, 0);
    world_wait_for_disk(world);
    world_run(world, 20);
    assert_int_equal(sent->reply, REPLY_RESULTS_QUEUED);
    assert_int_equal(count_in(sent, "queued"), 200);
    finish(world);
    assert_int_equal(before->reply, REPLY_RESULTS);
    assert_int_equal(world->disorders, 0);
    assert_counts(6200, 0, 0);
}

/* Parcels whose events would take much memory wait for earlier ones. */
static void test_waits_for_what_is_not_stored(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(20, is_away);
    bool held_up = false;

    begin_service(world);
    fault_store_hold(&world->disk);
    for (int i = 0; i < 4; i++)
        (void)send_many("users", PARCEL_BODY_RECORDS_MAX, PARCEL_BODY_RECORDS_MAX, i + 1, 0);
    world_run_past_disk(world, 2000);
    held_up = relay_pending(world->relay) < 4 * PARCEL_BODY_RECORDS_MAX;
    assert_true(relay_pending(world->relay) >= PARCEL_BODY_RECORDS_MAX);
    assert_true(sync_batches_bytes(service.batches) > 0);
    fault_store_let_go(&world->disk);
    world_run(world, plain.sync_wait_ms + 2000);
    assert_true(held_up);
    for (int i = 0; i < 4; i++)
        assert_int_equal(sents[i].reply, REPLY_RESULTS_QUEUED);
    assert_counts(0, 0, 4 * PARCEL_BODY_RECORDS_MAX);
    assert_int_equal(sync_batches_bytes(service.batches), 0);
}

/* ---- over turns of the loop ---- */

enum { MEBIBYTES = 6 };

static struct sent *send_large(void)
{
    return send_many("users", MEBIBYTES, MEBIBYTES, 1, 1024 * 1024);
}

static void test_unpacked_piece_by_piece(void **state)
{
    (void)state;
    struct world *world = begin_parcels(&plain, takes_all);
    struct sent *sent = send_large();
    int turns = 0;

    for (; relay_pending(world->relay) == 0; turns++)
        assert_int_equal(loop_turn(world->loop), 0);
    assert_true(turns >= MEBIBYTES && turns <= MEBIBYTES + 2);
    finish(world);
    assert_int_equal(sent->reply, REPLY_RESULTS);
    assert_counts(MEBIBYTES, 0, 0);
}

static void test_route_goes_meanwhile(void **state)
{
    (void)state;
    struct world *world = begin_parcels(&plain, takes_all);
    struct sent *sent = send_large();

    assert_int_equal(loop_turn(world->loop), 0);
    world_reload(world, "{\"posts\":{\"mutation\":\"posts:sync\"}}");
    service.routes = world->routes;
    world_run(world, 100);
    assert_int_equal(count_in(sent, "No route for model users"), MEBIBYTES);
    assert_counts(0, MEBIBYTES, 0);
}

static struct world_answer takes_new_path(struct world *world, const char *path, int record,
                                          int number)
{
    (void)world, (void)record, (void)number;
    return strcmp(path, "users:new") == 0 ? world_done() : world_rejected();
}

static void assert_no_null(const struct world_call *made)
{
    cleanup(buf_done) struct buf body = BUF_NULL;

    for (size_t i = 0; i < array_len(made->call->body); i++)
        assert_int_equal(buf_append_span(&body, made->call->body[i]), 0);
    assert_null(strstr(buf_string(&body), "null"));
}

/* The arguments of the first event were made for the old route, which kept its null. */
static void test_route_changes_meanwhile(void **state)
{
    (void)state;
    cleanup(buf_done) struct buf records = BUF_NULL;
    struct world *world = begin_parcels(&plain, takes_new_path);

    world->saw = assert_no_null;
    assert_int_equal(buf_printf(&records,
                                "{\"data\":{\"x\":null,\"bladeId\":\"r1\",\"n\":1}},"
                                "{\"data\":{\"bladeId\":\"r2\",\"n\":1,\"p\":\"%*s\"}}",
                                3 * 1024 * 1024, ""),
                     0);
    struct sent *sent = send_text(buf_string(&records));
    assert_int_equal(loop_turn(world->loop), 0);
    world_reload(world, "{\"users\":{\"mutation\":\"users:new\",\"nulls\":\"drop\"}}");
    service.routes = world->routes;
    while (world->attempts < 2)
        world_step(world);
    finish(world);
    assert_int_equal(count_in(sent, DONE), 2);
}

static void test_stop_answers_those_that_wait(void **state)
{
    (void)state;
    struct world *world = begin_parcels(&plain, takes_all);
    struct sent *large = send_large();
    struct sent *next = send_text(ONE);

    assert_int_equal(loop_turn(world->loop), 0);
    end_service(world);
    assert_answer(large, REPLY_UNAVAILABLE, "The relay is stopping");
    assert_answer(next, REPLY_UNAVAILABLE, "The relay is stopping");
    assert_int_equal(relay_pending(world->relay), 0);
}

/* The stop does not wait for the disk any longer. */
static void test_abandoned_before_it_is_stored(void **state)
{
    (void)state;
    struct world *world = begin_parcels(&plain, takes_all);

    fault_store_hold(&world->disk);
    struct sent *sent = send_text(ONE "," TWO);
    world_run_past_disk(world, 10);
    fault_store_await(&world->disk);
    relay_abandon(world->relay);
    assert_answer(sent, REPLY_UNAVAILABLE, "The relay is stopping");
}

static void test_given_up_while_convex_is_away(void **state)
{
    (void)state;
    struct world *world = begin_parcels(&plain, is_away);
    struct sent *sent = send_text(ONE "," TWO);

    world_run(world, 100);
    relay_give_up(world->relay);
    world_run(world, 10);
    assert_answer(sent, REPLY_RESULTS_QUEUED, RESULTS(2, 0, 2, QUEUED "," QUEUED));
}

/* ---- beside single events, and without an outbox ---- */

static void test_in_line_with_single_events(void **state)
{
    (void)state;
    struct world *world = begin_parcels(&plain, takes_all);

    (void)world_send(world, "users", 1, 1);
    struct sent *sent = send_many("users", 3, 1, 1, 0);
    assert_int_equal(loop_turn(world->loop), 0);
    (void)world_send(world, "users", 0, 4);
    (void)world_send(world, "users", 1, 2);
    finish(world);
    assert_int_equal(sent->reply, REPLY_RESULTS);
    assert_int_equal(world->newest[0], 4);
    assert_int_equal(world->disorders, 0);
    assert_int_equal(world->overlaps, 0);
}

static const struct world_options keeps_nothing = {.keeps_nothing = true};

static void test_without_an_outbox(void **state)
{
    (void)state;
    struct world *world = begin_parcels(&keeps_nothing, is_away_for_two);
    struct sent *sent = send_text(ONE "," TWO ",{\"data\":null}");

    finish(world);
    assert_answer(sent, REPLY_RESULTS,
                  RESULTS(1, 2, 3,
                          DONE "," ERROR("fetch failed") "," ERROR(
                              "Cannot convert undefined or null to object")));
    assert_int_equal(world->attempts, 2);
    assert_int_equal(world_sum(world).discarded, 2);
    assert_int_equal(world_sum(world).delivered, 1);
}

static void test_nothing_but_refusals_without_an_outbox(void **state)
{
    (void)state;
    struct world *world = begin_parcels(&keeps_nothing, takes_all);
    struct sent *sent = send_text("{\"data\":null},{\"data\":5}");
    struct sent *unrouted = send_many("comments", 1, 1, 1, 0);

    world_run(world, 10);
    assert_int_equal(sent->reply, REPLY_RESULTS);
    assert_int_equal(count_in(sent, "error"), 2);
    assert_answer(unrouted, REPLY_RESULTS, RESULTS(0, 1, 1, ERROR("No route for model comments")));
    assert_int_equal(world_sum(world).discarded, 3);
}

static void test_ten_thousand_without_an_outbox(void **state)
{
    (void)state;
    struct world_options options = {.keeps_nothing = true, .step_ms = 20};
    struct world *world = begin_parcels(&options, takes_all);
    struct sent *sent = send_many("users", PARCEL_BODY_RECORDS_MAX, 500, 1, 0);

    finish(world);
    assert_int_equal(sent->reply, REPLY_RESULTS);
    assert_int_equal(count_in(sent, DONE), PARCEL_BODY_RECORDS_MAX);
    assert_int_equal(world->disorders, 0);
}

static const struct CMUnitTest tests[] = {
    parcel_test(test_ten_thousand_of_many_records),
    parcel_test(test_ten_thousand_of_one_record),
    parcel_test(test_behind_others),
    parcel_test(test_waits_for_what_is_not_stored),
    parcel_test(test_unpacked_piece_by_piece),
    parcel_test(test_route_goes_meanwhile),
    parcel_test(test_route_changes_meanwhile),
    parcel_test(test_stop_answers_those_that_wait),
    parcel_test(test_abandoned_before_it_is_stored),
    parcel_test(test_given_up_while_convex_is_away),
    parcel_test(test_in_line_with_single_events),
    parcel_test(test_without_an_outbox),
    parcel_test(test_nothing_but_refusals_without_an_outbox),
    parcel_test(test_ten_thousand_without_an_outbox),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
