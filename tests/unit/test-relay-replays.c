/* SPDX-License-Identifier: MIT */
/*
 * Dead letters that are replayed beside a running relay: each comes once, never after a newer event
 * of its record, and soon, whatever else waits.
 */
#include "relay/delivery.h"

#include <unistd.h>

#include "relay_cases.h"
#include "relay_scarce.h"

/* ---- a disk that takes its time ---- */

/* Real time passes, too: the disk is at work, or held. */
static void step_beside_disk(struct world *world)
{
    world_run_past_disk(world, 1);
    (void)usleep(1000);
}

/* Something beside the relay wants a replay, and the disk is held as it takes it up. */
static void hold_while_replays_are_taken_up(struct world *world,
                                            int (*change)(struct store *store, uint64_t id),
                                            uint64_t id)
{
    fault_store_hold(&world->disk);
    change_beside(world, change, id);
    while (sem_trywait(&world->disk.inside) != 0)
        step_beside_disk(world);
}

static void run_until_replays_come_in(struct world *world)
{
    while (!relay_intake_is_busy(&world->relay->replays_intake))
        step_beside_disk(world);
}

static struct world *begin_with_letter(int bytes)
{
    struct world *world = begin(&plain, rejects_all);

    (void)world_send_large(world, "users", 1, 1, bytes);
    world_run(world, 100);
    assert_counts(0, 1, 0);
    return world;
}

/* ---- replays beside a backlog ---- */

static struct replay_row {
    const char *name;
    int (*replay)(struct store *store, uint64_t id);
} replay_rows[] = {
    {"a replay beside a backlog comes once, in its place", replay_row},
    {"a forced replay overtakes nothing that is on disk", force_row},
};

/* The newest event of its record is replayed while older ones of it are on disk only. */
static void test_replay_beside_backlog(void **state)
{
    const struct replay_row *row = *state;
    struct world *world = begin_in_steps(20, is_away);

    send_backlog(world, "users");
    world_run(world, 100);
    assert_true(relay_pending(world->relay) < BACKLOG - BACKLOG_RECORDS);
    change_beside(world, bury_row, BACKLOG);
    change_beside(world, row->replay, BACKLOG);
    take_up_replay(world);
    assert_counts(0, 0, BACKLOG);

    world->convex = takes_all;
    world_run_until(world, nothing_is_left, WORLD_DAY_MS);
    assert_int_equal(world->disorders, 0);
    assert_int_equal(world->done, BACKLOG);
    assert_counts(BACKLOG, 0, 0);
}

/* A newer event of the record arrives while the disk makes the letter pending. */
static void test_a_replay_never_comes_after_a_newer_event(void **state)
{
    (void)state;
    struct world *world = begin_with_letter(0);

    world->convex = takes_all;
    hold_while_replays_are_taken_up(world, replay_row, 1);
    struct sender *sender = world_send(world, "users", 1, 2);
    world_run_past_disk(world, 100);
    assert_false(sender->answered); /* a crash now would leave no trace of it */
    fault_store_let_go(&world->disk);
    world_run(world, 2000);
    assert_int_equal(sender->reply, REPLY_DELIVERED);
    assert_int_equal(world->disorders, 0);
    /* Both are told in one turn, or in two: then the letter goes first. */
    bool overtaken = world_counts(world).dead == 1;
    assert_counts(overtaken ? 1 : 2, overtaken, 0);
    if (overtaken)
        change_beside(world, replay_is_stale, 1);
}

/* The disk fails while Convex takes a newer event of the letter's record. */
static void test_a_letter_becomes_stale_when_the_disk_is_back(void **state)
{
    (void)state;
    struct world *world = begin_with_letter(0);

    world->convex = takes_all;
    fault_store_set(&world->disk, FAULT_BEGIN, STORE_BROKEN);
    struct sender *sender = world_send(world, "users", 1, 2);
    world_run(world, 3000);
    assert_int_equal(sender->reply, REPLY_DELIVERED);
    fault_store_set(&world->disk, FAULT_BEGIN, 0);
    world_run(world, 3000);
    change_beside(world, replay_is_stale, 1);
}

static void assert_overtaken(struct world *world)
{
    world_run(world, 3000);
    assert_int_equal(world->done, 1);
    assert_counts(1, 1, 0);
    change_beside(world, replay_is_stale, 1);
}

/* The disk takes a replay, and has not taken what makes it stale. */
static void test_a_mark_that_the_disk_refuses(void **state)
{
    (void)state;
    struct world *world = begin_with_letter(0);

    world->convex = takes_all;
    fault_store_set(&world->disk, FAULT_APPEND, STORE_FULL);
    fault_store_set(&world->disk, FAULT_OVERTAKEN, STORE_BROKEN);
    struct sender *sender = world_send(world, "users", 1, 2);
    world_run(world, 1000);
    assert_int_equal(sender->reply, REPLY_DELIVERED);
    assert_int_equal(relay_pending(world->relay), 0);
    change_beside(world, replay_row, 1);
    while (!a_replay_waits(world))
        world_step(world);
    world_run(world, 3000);
    assert_true(a_replay_waits(world));
    fault_store_set(&world->disk, FAULT_OVERTAKEN, 0);
    assert_overtaken(world);
}

/* The same, and memory is short, too: the event stays where replays meet it. */
static void test_a_mark_that_finds_no_memory(void **state)
{
    (void)state;
    struct world *world = begin_with_letter(0);

    world->convex = takes_all;
    fault_store_set(&world->disk, FAULT_APPEND, STORE_FULL);
    fault_store_set(&world->disk, FAULT_OVERTAKEN, STORE_BROKEN);
    marks_find_no_memory = true;
    struct sender *sender = world_send(world, "users", 1, 2);
    world_run(world, 1000);
    assert_int_equal(sender->reply, REPLY_DELIVERED);
    assert_int_equal(relay_pending(world->relay), 1);
    change_beside(world, replay_row, 1);
    take_up_replay(world);
    marks_find_no_memory = false;
    fault_store_set(&world->disk, FAULT_OVERTAKEN, 0);
    assert_overtaken(world);
}

/* What fills the window is a forced replay, so that the first page begins behind it. */
static void test_a_page_begins_behind_a_replay(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(20, rejects_all);
    int number = 1;

    (void)world_send(world, "users", 0, number++);
    world_run(world, 100);
    assert_counts(0, 1, 0);
    world->convex = is_away;
    while (relay_pending(world->relay) < 2047) /* one less than two routes have each */
        (void)world_send(world, "users", 0, number++);
    world_run(world, 100);
    change_beside(world, force_row, 1);
    take_up_replay(world);
    assert_int_equal(relay_pending(world->relay), 2048);
    (void)world_send(world, "users", 1, number++);
    world_run(world, 100);
    /* It is on disk, unless a probe has just found that nothing in memory may go. */
    assert_in_range(relay_pending(world->relay), 2048, 2049);

    world->convex = takes_all;
    world_run_until(world, nothing_is_left, WORLD_DAY_MS);
    assert_int_equal(world->done, 2049);
    assert_counts(2049, 0, 0);
}

enum { LARGE = 15 << 20 };

static struct world_answer has_no_posts_and_is_quick(struct world *world, const char *path,
                                                     int record, int number)
{
    struct world_answer answer = has_no_posts(world, path, record, number);

    answer.after_ms = 1;
    return answer;
}

/* While it comes in, an event of its route goes to disk, and a page is read. */
static void test_a_large_letter_comes_once(void **state)
{
    (void)state;
    struct world *world = begin_with_letter(LARGE);

    world->convex = has_no_posts_and_is_quick;
    for (int number = 0; number < 13; number++) /* they stay, and fill the memory */
        (void)world_send_large(world, "posts", number + 3, 1, 2 << 20);
    world_run(world, 100);
    change_beside(world, force_row, 1);
    run_until_replays_come_in(world);
    (void)world_send(world, "users", 2, 1);
    for (int i = 0; i < 200; i++)
        step_beside_disk(world);
    world_run(world, 5000);
    assert_int_equal(world->done, 2);
    assert_counts(2, 0, 13);
}

static bool the_window_is_full(struct world *world)
{
    return relay_pending(world->relay) >= 4096 && a_replay_waits(world);
}

/* Convex is away, and they are many: most of them wait on disk. */
static void test_replays_wait_for_room(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(100, rejects_all);

    send_backlog(world, "users");
    world_run_until(world, nothing_is_left, WORLD_DAY_MS);
    world_run(world, 60 * 1000); /* what spilled comes in by pages */
    assert_counts(0, BACKLOG, 0);
    world->convex = is_away;
    change_beside(world, replay_all, BACKLOG);
    world_run_until(world, the_window_is_full, 1000 * WORLD_DAY_MS);
    assert_in_range(relay_pending(world->relay), 4096, 4096 + 256);
    assert_counts(0, 0, BACKLOG);

    world->convex = takes_all;
    world_run_until(world, the_replay_was_taken_up, WORLD_DAY_MS);
    world_run_until(world, nothing_is_left, WORLD_DAY_MS);
    assert_int_equal(world->done, BACKLOG);
    assert_int_equal(world->disorders, 0);
    assert_counts(BACKLOG, 0, 0);
}

/* ---- while a newer event is on its way ---- */

static struct world_answer takes_number_2_slowly(struct world *world, const char *path, int record,
                                                 int number)
{
    struct world_answer answer = takes_all(world, path, record, number);

    answer.after_ms = number == 2 ? 4000 : 20;
    return answer;
}

/* The quota is used up: the newer event is never on disk. */
static void test_a_newer_event_that_no_disk_keeps(void **state)
{
    (void)state;
    struct world *world = begin_with_letter(0);

    world->convex = takes_number_2_slowly;
    fault_store_set(&world->disk, FAULT_APPEND, STORE_FULL);
    struct sender *sender = world_send(world, "users", 1, 2);
    world_run(world, 100);
    hold_while_replays_are_taken_up(world, replay_row, 1);
    while (!sender->answered)
        world_run_past_disk(world, 10);
    assert_int_equal(sender->reply, REPLY_DELIVERED);
    world_run_past_disk(world, 10);
    fault_store_let_go(&world->disk);
    world_run(world, 3000);
    assert_int_equal(world->disorders, 0);
    assert_int_equal(world->done, 1);
    assert_counts(1, 1, 0);
    change_beside(world, replay_is_stale, 1);
}

/* The letter is so large that it takes many turns to read, and the newer event is done before. */
static void test_a_large_letter_meets_the_newer_event(void **state)
{
    (void)state;
    struct world *world = begin_with_letter(LARGE);

    world->convex = takes_number_2_slowly;
    struct sender *sender = world_send(world, "users", 1, 2);
    world_run(world, 100);
    hold_while_replays_are_taken_up(world, replay_row, 1);
    while (!sender->answered)
        world_run_past_disk(world, 10);
    world_run_past_disk(world, 10);
    fault_store_let_go(&world->disk);
    while (world_counts(world).delivered == 0)
        (void)usleep(1000); /* both are reported in one turn */
    world_run(world, 3000);
    assert_int_equal(world->disorders, 0);
    assert_int_equal(world->done, 1);
    assert_counts(1, 1, 0);
}

/* ---- whatever else waits ---- */

static struct world_answer takes_users_slowly(struct world *world, const char *path, int record,
                                              int number)
{
    struct world_answer answer = takes_all(world, path, record, number);

    if (strncmp(path, "users:", 6) == 0)
        answer.after_ms = 1000;
    return answer;
}

static struct world_answer rejects_posts(struct world *world, const char *path, int record,
                                         int number)
{
    return strncmp(path, "posts:", 6) == 0 ? world_rejected()
                                           : takes_users_slowly(world, path, record, number);
}

/* One record has more events in memory than the window holds. */
static void test_a_stuck_record_keeps_no_replay_waiting(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(100, rejects_posts);

    (void)world_send(world, "posts", 1, 1);
    world_run(world, 500);
    for (int number = 1; number <= 6000; number++)
        (void)world_send(world, "users", 0, number);
    world_run(world, 20 * 1000);
    world->convex = takes_users_slowly;
    change_beside(world, replay_row, 1);
    world_run_until(world, the_replay_was_taken_up, 1000 * WORLD_DAY_MS);
    world_run(world, 1000);
    assert_int_equal(world->newest[1], 1);
    assert_true(relay_pending(world->relay) > 4096);
}

enum { FEW = 10 };

static void test_a_letter_without_memory_is_taken_in_later(void **state)
{
    (void)state;
    struct world *world = begin(&plain, rejects_all);

    for (int record = 0; record < FEW; record++)
        (void)world_send(world, "users", record % 3, record);
    world_run(world, 200);
    assert_counts(0, FEW, 0);
    world->convex = takes_all;
    joins_until_memory_is_short = 4;
    change_beside(world, replay_all, FEW);
    world_run_until(world, the_replay_was_taken_up, 1000 * WORLD_DAY_MS);
    world_run(world, 2000);
    assert_int_equal(joins_until_memory_is_short, 0);
    assert_int_equal(world->done, FEW);
    assert_int_equal(world->disorders, 0);
    assert_counts(FEW, 0, 0);
}

/* What has become of an event is on disk, and its end waits for a replay that finds no memory. */
static struct world *begin_while_a_replay_waits(world_convex_fn convex, struct sender **sender)
{
    struct world *world = begin_with_letter(0);

    world->convex = convex;
    *sender = world_send(world, "users", 2, 2);
    world_run(world, 100);
    joins_until_memory_is_short = 1;
    change_beside(world, replay_row, 1);
    run_until_replays_come_in(world);
    loop_timer_set(world->loop, &TAILQ_FIRST(&world->calls)->timer, world->now_ms);
    world_run(world, 50);
    assert_false(TAILQ_EMPTY(&world->relay->fated));
    return world;
}

static struct world_answer rejects_slowly(struct world *world, const char *path, int record,
                                          int number)
{
    struct world_answer answer = rejects_all(world, path, record, number);

    answer.after_ms = 4000;
    return answer;
}

static void test_a_refusal_is_told_while_replays_come_in(void **state)
{
    (void)state;
    struct sender *sender;
    struct world *world = begin_while_a_replay_waits(rejects_slowly, &sender);

    assert_true(sender->answered);
    assert_int_equal(sender->reply, REPLY_FAILED);
    assert_true(sender->message.len > 0);
    world_run(world, 10000);
    assert_counts(0, 2, 0);
}

static void test_a_census_while_replays_come_in(void **state)
{
    (void)state;
    struct sender *sender;
    struct world *world = begin_while_a_replay_waits(takes_number_2_slowly, &sender);

    world_reload(world, NULL);
    world_run(world, 5000);
    assert_int_equal(world_sum(world).discarded, 0);
    assert_int_equal(world_sum(world).delivered, 2);
    assert_counts(2, 0, 0);
}

/* Its age counts from the replay, also where a page brings it. */
static void test_an_old_letter_behind_a_backlog(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(100, rejects_all);

    (void)world_send(world, "users", BACKLOG, 1);
    world_run(world, 1000);
    world->now_ms += 4 * WORLD_DAY_MS;
    world_run(world, 1000);
    world->convex = is_away;
    send_backlog(world, "users");
    world_run(world, 1000);
    change_beside(world, force_row, 1);
    take_up_replay(world);
    world_run(world, 20 * 1000);
    world->convex = takes_all;
    world_run_until(world, nothing_is_left, WORLD_DAY_MS);
    assert_int_equal(world->newest[BACKLOG], 1);
    assert_counts(BACKLOG + 1, 0, 0);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest plain_tests[] = {
        ROW(test_a_page_begins_behind_a_replay),
        ROW(test_a_replay_never_comes_after_a_newer_event),
        ROW(test_a_newer_event_that_no_disk_keeps),
        ROW(test_a_large_letter_meets_the_newer_event),
        ROW(test_a_letter_becomes_stale_when_the_disk_is_back),
        ROW(test_a_mark_that_the_disk_refuses),
        ROW(test_a_mark_that_finds_no_memory),
        ROW(test_a_large_letter_comes_once),
        ROW(test_replays_wait_for_room),
        ROW(test_a_stuck_record_keeps_no_replay_waiting),
        ROW(test_a_letter_without_memory_is_taken_in_later),
        ROW(test_a_refusal_is_told_while_replays_come_in),
        ROW(test_a_census_while_replays_come_in),
        ROW(test_an_old_letter_behind_a_backlog),
    };
    struct CMUnitTest tests[array_len(plain_tests) + array_len(replay_rows)];
    size_t len = array_len(plain_tests);

    memcpy(tests, plain_tests, sizeof(plain_tests));
    (void)cases_add(tests, len, replay_rows, test_replay_beside_backlog);
    log_setup(LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
