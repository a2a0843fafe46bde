/* SPDX-License-Identifier: MIT */
/* What becomes of an event, by what Convex says of it. */
#include "convex/verdict.h"
#include "relay_cases.h"

static struct world_answer loses_the_first(struct world *world, const char *path, int record,
                                           int number)
{
    (void)path, (void)record, (void)number;
    return world->attempts == 0 ? world_lost() : world_done();
}

static struct world_answer conflicts(struct world *world, const char *path, int record, int number)
{
    (void)path, (void)record, (void)number;
    return world->flying > 2
               ? world_http(503, "{\"code\":\"OptimisticConcurrencyControlFailure\",\"message\":"
                                 "\"\"}")
               : world_done();
}

static struct world_answer always_conflicts(struct world *world, const char *path, int record,
                                            int number)
{
    (void)world, (void)path, (void)record, (void)number;
    return world_http(503, "{\"code\":\"OptimisticConcurrencyControlFailure\",\"message\":\"\"}");
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

static void test_too_old_is_a_dead_letter(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.step_ms = 60 * 1000;
    struct world *world = begin(&options, is_away);

    (void)world_send(world, "users", 1, 1);
    world_run(world, 3 * WORLD_DAY_MS - 3600000);
    assert_counts(0, 0, 1);
    world_run(world, 2 * 3600000);
    world_run_until(world, nothing_is_left, 3600000);
    assert_counts(0, 1, 0);
}

/* Those behind the head do not have to come to it first. */
static void test_a_lane_grows_old_together(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.step_ms = 60 * 1000;
    struct world *world = begin(&options, is_away);

    for (int i = 0; i < 100; i++)
        (void)world_send(world, "users", 1, i);
    world_run(world, 3 * WORLD_DAY_MS - 3600000);
    assert_counts(0, 0, 100);
    world_run(world, 3600000);
    world_run_until(world, nothing_is_left, 600 * 1000);
    assert_counts(0, 100, 0);
}

/* An event that has been tried for as long as nothing is too old after a start. */
static struct world *begin_in_vain(void)
{
    struct world_options options = plain;

    options.step_ms = 1000; /* there are to be many */
    struct world *world = begin(&options, is_away);
    (void)world_send(world, "users", 1, 1);
    world_run(world, 20 * 60000);
    return world;
}

/* Nobody has had the time to try it. */
static void check_is_tried_though_old(struct world *world)
{
    world_run(world, 9 * 60000);
    assert_counts(0, 0, 1);
    world->convex = takes_all;
    world_run_until(world, nothing_is_left, 60000);
    assert_counts(1, 0, 0);
}

static void test_a_leap_of_the_clock_kills_nothing(void **state)
{
    (void)state;
    struct world *world = begin_in_vain();

    world->leapt_ms = 20000 * WORLD_DAY_MS;
    check_is_tried_though_old(world);
}

/* Whatever is tried between the leap and the next look at the clock. */
static void test_a_leap_amid_attempts_kills_nothing(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.step_ms = 50;
    struct world *world = begin(&options, always_conflicts);

    for (int i = 0; i < 100; i++)
        (void)world_send(world, "users", i, 1);
    world_run(world, 11 * 60000);
    world->leapt_ms = 4 * WORLD_DAY_MS;
    world_run(world, 2000);
    assert_counts(0, 0, 100);
}

/* And a clock that goes back and comes again is one that has leapt. */
static void test_a_leap_back_and_forth_kills_nothing(void **state)
{
    (void)state;
    struct world *world = begin_in_vain();

    world->leapt_ms = -20000 * WORLD_DAY_MS;
    world_run(world, 20 * 60000);
    world->leapt_ms = 4 * WORLD_DAY_MS;
    check_is_tried_though_old(world);
}

static void test_a_long_time_off_kills_nothing(void **state)
{
    (void)state;
    struct world *world = begin_in_vain();

    world_stop(world);
    world->now_ms += 4 * WORLD_DAY_MS;
    world_start(world);
    check_is_tried_though_old(world);
}

/*
 * Clocks that are wrong: when the event came, while it waits, and after a restart. It lives until
 * it has really waited for as long as it may, and no longer.
 */
static struct leap_case {
    const char *name;
    int64_t born_ms, waits_ms; /* how far the wall clock is off then */
    bool restarts;
    int64_t restarted_ms;
} leap_cases[] = {
    {"no leap", 0, 0, false, 0},
    {"a leap of four days while it waits", 0, 4 * WORLD_DAY_MS, false, 0},
    {"ten years forth while it waits", 0, 3650 * WORLD_DAY_MS, false, 0},
    {"ten hours back while it waits", 0, -10 * 3600000, false, 0},
    {"born in 1970, and then the clock is set", -20000 * WORLD_DAY_MS, 0, false, 0},
    {"born in 1970, the clock is set, a restart", -20000 * WORLD_DAY_MS, 0, true, 0},
    {"a restart in 1970", 0, 0, true, -20000 * WORLD_DAY_MS},
    {"a restart ten years later, by the clock", 0, 0, true, 3650 * WORLD_DAY_MS},
    {"a restart ten hours earlier, by the clock", 0, 0, true, -10 * 3600000},
    {"ten years forth, and back with a restart", 0, 3650 * WORLD_DAY_MS, true, 0},
};

static int64_t oldest_age_ms(struct world *world)
{
    cleanup(snapshot_done) struct snapshot snapshot = {0};
    struct inbox *inbox = relay_inbox(world->relay);

    assert_int_equal(inbox->look(inbox, &snapshot), 0);
    for (size_t i = 0; i < snapshot.routes_len; i++)
        if (strcmp(snapshot.routes[i].model, "users") == 0)
            assert_int_equal(snapshot.routes[i].oldest_age_ms, snapshot.oldest_age_ms);
    return snapshot.oldest_age_ms;
}

static void restart_at(struct world *world, int64_t leapt_ms)
{
    world_stop(world);
    world->leapt_ms = leapt_ms;
    world_start(world);
}

static void test_a_wrong_clock(void **state)
{
    const struct leap_case *leap = *state;
    struct world_options options = plain;
    options.step_ms = 60 * 1000;
    struct world *world = begin(&options, is_away);

    restart_at(world, leap->born_ms);
    (void)world_send(world, "users", 1, 1);
    world_run(world, 20 * 60000);
    world->leapt_ms = leap->waits_ms;
    world_run(world, 60000);
    if (leap->restarts)
        restart_at(world, leap->restarted_ms);
    world_run(world, 30 * 60000);
    assert_in_range(oldest_age_ms(world), 29 * 60000, 55 * 60000);
    world_run(world, 3 * WORLD_DAY_MS - 2 * 3600000);
    assert_counts(0, 0, 1);
    world_run(world, 3 * 3600000);
    world_run_until(world, nothing_is_left, 600 * 1000);
    assert_counts(0, 1, 0);
}

/* A clock that was wrong is set right only when the relay has begun on what was there. */
static void test_a_clock_that_is_set_after_the_start(void **state)
{
    (void)state;
    struct world *world = begin_in_vain();

    restart_at(world, -20000 * WORLD_DAY_MS);
    world_run(world, 60000);
    world->leapt_ms = 0;
    check_is_tried_though_old(world);
}

static struct world_answer takes_half(struct world *world, const char *path, int record, int number)
{
    return world->done < BACKLOG / 2 ? takes_all(world, path, record, number)
                                     : is_away(world, path, record, number);
}

/* What came before the leap, and is read from the disk behind it. */
static void test_a_leap_kills_no_page(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.step_ms = 1000;
    struct world *world = begin(&options, is_away);

    send_backlog(world, "users");
    world_run(world, 11 * 60000);
    world->leapt_ms = 4 * WORLD_DAY_MS;
    world->convex = takes_half;
    world_run(world, 20 * 60000);
    assert_in_range(world->done, BACKLOG / 2, BACKLOG - 1);
    world->convex = takes_all;
    world_run_until(world, nothing_is_left, WORLD_DAY_MS);
    assert_counts(BACKLOG, 0, 0);
}

/* A clock that is set right after the start: what was read before that cannot know, and all that is
 * read behind it does. */
static void test_a_start_ahead_of_its_time_kills_no_page(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.step_ms = 1000;
    struct world *world = begin(&options, is_away);

    send_backlog(world, "users");
    world_run(world, 60000);
    restart_at(world, 4 * WORLD_DAY_MS);
    world_run(world, 60000);
    world->leapt_ms = 0;
    world_run(world, 60000);
    assert_in_range(oldest_age_ms(world), 2 * 60000, 4 * 60000);
    world_run(world, 12 * 60000);
    world->convex = takes_all;
    world_run_until(world, nothing_is_left, WORLD_DAY_MS);
    assert_in_range(world->done, BACKLOG / 2, BACKLOG);
}

static bool a_second_attempt_was_made(struct world *world)
{
    return world->attempts == 2 && relay_pending(world->relay) == 0;
}

/* Its age counts from the replay: a letter that died of age would otherwise die of it again. */
static void test_an_old_letter_is_replayed(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.step_ms = 60 * 1000;
    struct world *world = begin(&options, rejects_all);

    (void)world_send(world, "users", 1, 1);
    world_run(world, 4 * WORLD_DAY_MS);
    assert_counts(0, 1, 0);
    change_beside(world, replay_row, 1);
    world->convex = takes_all;
    /* The outbox looks for replays once a second of its own, real time. */
    world_run_until(world, a_second_attempt_was_made, 1000 * WORLD_DAY_MS);
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
    assert_int_equal(world->flying_max, 16);
    world_run_until(world, nothing_is_left, 3600000);
    /* Without the cut, 14 of each 16 would have failed, over and over. */
    assert_true(world->attempts < 2 * MANY);
}

static void test_held_route_leaves_others_alone(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.step_ms = 20;
    struct world *world = begin(&options, has_no_posts);
    struct sender *posts[MANY], *users;

    send_many(world, "posts", posts, MANY);
    world_run(world, 60000);
    int attempts = world->attempts;
    assert_true(attempts < 40); /* those that were out when it began, and one probe at a time */
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
    struct world_options options = plain;
    options.step_ms = 20;
    struct world *world = begin(&options, breaks_on_record_0);

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
    static const struct CMUnitTest plain_tests[] = {
        ROW(test_delivered),
        ROW(test_rejected_is_a_dead_letter),
        ROW(test_a_function_timeout_is_tried_a_few_times),
        ROW(test_unknown_model_is_a_dead_letter),
        ROW(test_lost_answer_is_tried_again),
        ROW(test_queued_after_the_wait),
        ROW(test_too_old_is_a_dead_letter),
        ROW(test_a_leap_of_the_clock_kills_nothing),
        ROW(test_a_leap_amid_attempts_kills_nothing),
        ROW(test_a_leap_back_and_forth_kills_nothing),
        ROW(test_a_long_time_off_kills_nothing),
        ROW(test_a_clock_that_is_set_after_the_start),
        ROW(test_a_leap_kills_no_page),
        ROW(test_a_start_ahead_of_its_time_kills_no_page),
        ROW(test_a_lane_grows_old_together),
        ROW(test_an_old_letter_is_replayed),
        ROW(test_nothing_kept_means_one_attempt),
        ROW(test_order_over_failures),
        ROW(test_conflicts_cut_what_is_in_flight),
        ROW(test_held_route_leaves_others_alone),
        ROW(test_one_bad_event_does_not_hold_the_others),
        ROW(test_a_settled_event_lets_the_next_go_at_once),
        ROW(test_giving_up_answers_by_what_is_on_disk),
    };

    static struct CMUnitTest tests[array_len(plain_tests) + array_len(leap_cases)];

    memcpy(tests, plain_tests, sizeof(plain_tests));
    rows_add(tests, array_len(plain_tests), leap_cases, test_a_wrong_clock);
    for (size_t i = array_len(plain_tests); i < array_len(tests); i++)
        tests[i].teardown_func = end;
    log_setup(LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
