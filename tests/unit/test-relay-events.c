/* SPDX-License-Identifier: MIT */
/* What becomes of an event, by what Convex says of it. */
#include "convex/verdict.h"
#include "tests/unit/lib/relay_cases.h"

static struct world_answer loses_the_first(struct world *world, const char *path, int record,
                                           int number)
{
    (void)path, (void)record, (void)number;
    return world->attempts == 0 ? world_lost() : world_done();
}

static struct world_answer conflicts(struct world *world, const char *path, int record, int number)
{
    (void)path, (void)record, (void)number;
    return world->flying > 2 ? world_conflict() : world_done();
}

/* ---- one event ---- */

static void test_delivered(void **state)
{
    (void)state;
    struct world *world = begin(&plain, takes_all);
    struct sender *sender = world_send(world, "users", 1, 1);

    world_run_until(world, nothing_is_left, 5000);
    assert_true(sender->answered);
    assert_int_equal(sender->reply, REPLY_DELIVERED);
    world_restart(world);
    assert_counts(1, 0, 0);
    assert_int_equal(world->attempts, 1);
}

static void test_rejected_is_a_dead_letter(void **state)
{
    (void)state;
    struct world *world = begin(&plain, rejects_all);
    struct sender *sender = world_send(world, "users", 1, 1);

    world_run_until(world, nothing_is_left, 5000);
    assert_int_equal(sender->reply, REPLY_FAILED);
    assert_true(span_eq(buf_span(&sender->message), SPAN("Uncaught Error: no")));
    assert_counts(0, 1, 0);
    world_restart(world);
    world_run(world, 2000);
    assert_counts(0, 1, 0);
    assert_int_equal(world->attempts, 1);
}

static struct world_answer takes_too_long(struct world *world, const char *path, int record,
                                          int number)
{
    (void)world, (void)path;
    (void)number;
    return record == 1
               ? world_http(200, "{\"status\":\"error\",\"errorMessage\":\"Function execution "
                                 "timed out (maximum duration: 1s)\"}")
               : world_done();
}

/* Convex was slow, or the function is: a few attempts tell. */
static void test_a_function_timeout_is_tried_a_few_times(void **state)
{
    (void)state;
    struct world *world = begin(&plain, takes_too_long);
    struct sender *slow = world_send(world, "users", 1, 1);

    (void)world_send(world, "users", 2, 1);
    world_run(world, 9000);
    assert_true(slow->answered);
    assert_int_equal(slow->reply, REPLY_FAILED);
    assert_non_null(strstr(buf_string(&slow->message), "Function execution timed out"));
    assert_int_equal(world->attempts, 1 + VERDICT_FEW_TRIES);
    assert_counts(1, 1, 0);
}

static void test_unknown_model_is_a_dead_letter(void **state)
{
    (void)state;
    struct world *world = begin(&plain, takes_all);
    struct sender *sender = world_send(world, "comments", 1, 1);

    assert_false(sender->answered); /* not before the letter is on disk */
    world_run_until(world, nothing_is_left, 5000);
    assert_int_equal(sender->reply, REPLY_DELIVERED);
    assert_counts(0, 1, 0);
    assert_int_equal(world->attempts, 0);
}

static void test_lost_answer_is_tried_again(void **state)
{
    (void)state;
    struct world *world = begin(&plain, loses_the_first);
    struct sender *sender = world_send(world, "users", 1, 1);

    world_run_until(world, nothing_is_left, 60000);
    assert_int_equal(sender->reply, REPLY_DELIVERED);
    assert_int_equal(world->attempts, 2);
    assert_counts(1, 0, 0);
}

static void test_queued_after_the_wait(void **state)
{
    (void)state;
    struct world *world = begin(&plain, is_away);
    struct sender *sender = world_send(world, "users", 1, 1);

    world_run(world, 9900);
    assert_false(sender->answered);
    world_run(world, 200);
    assert_true(sender->answered);
    assert_int_equal(sender->reply, REPLY_QUEUED_AFTER);
    assert_true(span_eq(buf_span(&sender->message), SPAN("fetch failed")));
    assert_counts(0, 0, 1);
    world->convex = takes_all;
    world_restart(world);
    world_run_until(world, nothing_is_left, 120000);
    assert_counts(1, 0, 0);
}

static void test_nothing_kept_means_one_attempt(void **state)
{
    (void)state;
    struct world_options options = {.keeps_nothing = true};
    struct world *world = begin(&options, loses_the_first);
    struct sender *sender = world_send(world, "users", 1, 1);

    world_run(world, 100);
    assert_int_equal(sender->reply, REPLY_FAILED);
    assert_true(span_eq(buf_span(&sender->message), SPAN("fetch failed")));
    assert_int_equal(world->attempts, 1);
    assert_int_equal(relay_pending(world->relay), 0);
}

/* ---- several ---- */

enum { MANY = 200 };

static void send_many(struct world *world, const char *model, struct sender *senders[MANY],
                      int records)
{
    for (int i = 0; i < MANY; i++)
        senders[i] = world_send(world, model, i % records, i / records + 1);
}

static void test_order_over_failures(void **state)
{
    (void)state;
    struct world *world = begin(&plain, conflicts);
    struct sender *senders[MANY];

    send_many(world, "users", senders, 20);
    world_run_until(world, nothing_is_left, 3600000);
    assert_int_equal(world->disorders, 0);
    assert_int_equal(world->overlaps, 0);
    assert_int_equal(world->done, MANY);
    assert_counts(MANY, 0, 0);
    for (int i = 0; i < MANY; i++)
        assert_true(senders[i]->answered);
}

static void test_conflicts_cut_what_is_in_flight(void **state)
{
    (void)state;
    struct world *world = begin(&plain, conflicts);
    struct sender *senders[MANY];

    send_many(world, "users", senders, MANY);
    world_step(world);
    assert_int_equal(world->flying_max, 16);
    world_run_until(world, nothing_is_left, 3600000);
    /* Without the cut, 14 of each 16 would have failed, over and over. */
    assert_true(world->attempts < 2 * MANY);
}

static void test_held_route_leaves_others_alone(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(20, has_no_posts);
    struct sender *posts[MANY], *users;

    send_many(world, "posts", posts, MANY);
    world_run(world, 60000);
    int attempts = world->attempts;
    assert_true(attempts < 40); /* those in flight at the beginning, and one probe at a time */
    users = world_send(world, "users", MANY, 1);
    world_run(world, 100);
    assert_int_equal(users->reply, REPLY_DELIVERED);
    world->flying_max = 0;
    world_run(world, 600000);
    assert_int_equal(world->flying_max, 1);
    assert_counts(1, 0, MANY);

    world->convex = takes_all;
    world_run_until(world, nothing_is_left, 300000);
    assert_counts(1 + MANY, 0, 0);
}

static struct world_answer breaks_on_record_0(struct world *world, const char *path, int record,
                                              int number)
{
    (void)world, (void)path, (void)number;
    return record == 0 ? world_lost() : world_done();
}

/* Whatever Convex is like, one event may fail for ever: it must not be every probe. */
static void test_one_bad_event_does_not_hold_the_others(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(20, breaks_on_record_0);

    (void)world_send(world, "users", 0, 1);
    world_run(world, 600 * 1000);
    struct sender *other = world_send(world, "posts", 1, 1);
    world_run(world, 120 * 1000);
    assert_counts(1, 0, 1);
    assert_true(other->answered);
}

static void test_a_settled_event_lets_the_next_go_at_once(void **state)
{
    (void)state;
    struct world *world = begin(&plain, rejects_all);

    (void)world_send(world, "users", 1, 1);
    (void)world_send(world, "users", 1, 2);
    world_run_until(world, nothing_is_left, 2000);
    assert_int_equal(world->attempts, 2);
}

/* ---- stop ---- */

static void test_giving_up_answers_by_what_is_on_disk(void **state)
{
    (void)state;
    struct world *world = begin(&plain, is_away);
    struct sender *stored = world_send(world, "users", 1, 1);

    world_run(world, 3000);
    struct sender *fresh = world_send(world, "users", 2, 1);
    assert_false(stored->answered);
    relay_give_up(world->relay);
    assert_int_equal(stored->reply, REPLY_QUEUED_AFTER);
    assert_false(fresh->answered); /* the disk has not said yet */
    world_step(world);
    assert_int_equal(fresh->reply, REPLY_QUEUED);
    assert_counts(0, 0, 2);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest tests[] = {
        ROW(test_delivered),
        ROW(test_rejected_is_a_dead_letter),
        ROW(test_a_function_timeout_is_tried_a_few_times),
        ROW(test_unknown_model_is_a_dead_letter),
        ROW(test_lost_answer_is_tried_again),
        ROW(test_queued_after_the_wait),
        ROW(test_nothing_kept_means_one_attempt),
        ROW(test_order_over_failures),
        ROW(test_conflicts_cut_what_is_in_flight),
        ROW(test_held_route_leaves_others_alone),
        ROW(test_one_bad_event_does_not_hold_the_others),
        ROW(test_a_settled_event_lets_the_next_go_at_once),
        ROW(test_giving_up_answers_by_what_is_on_disk),
    };

    log_setup(LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
