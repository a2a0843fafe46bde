/* SPDX-License-Identifier: MIT */
/*
 * Dead letters that are replayed beside a running relay: each comes once, never after a newer event
 * of its record, and soon, whatever else waits.
 */
#include "relay/delivery.h"

#include <errno.h>
#include <unistd.h>

#include "relay_cases.h"

/* ---- memory that is short ---- */

/* The linker has lanes_join() come here. */
int __wrap_lanes_join(struct lanes *lanes, struct lane_route *route, struct lane_place *place,
                      uint64_t seq, struct span record);
int __real_lanes_join(struct lanes *lanes, struct lane_route *route, struct lane_place *place,
                      uint64_t seq, struct span record);

static int joins_until_memory_is_short; /* 0: it is not */

int __wrap_lanes_join(struct lanes *lanes, struct lane_route *route, struct lane_place *place,
                      uint64_t seq, struct span record)
{
    if (joins_until_memory_is_short > 0 && --joins_until_memory_is_short == 0)
        return -ENOMEM;
    return __real_lanes_join(lanes, route, place, seq, record);
}

static int replay_all(struct store *store, uint64_t letters)
{
    int r = 0;

    for (uint64_t id = 1; id <= letters && !r; id++)
        r = store->ops->replay(store, id, false);
    return r;
}

/* ---- a disk that takes its time ---- */

/* Something beside the relay wants a replay, and the disk is held as it takes it up. */
static void hold_while_replays_are_taken_up(struct world *world,
                                            int (*change)(struct store *store, uint64_t id),
                                            uint64_t id)
{
    fault_store_hold(&world->disk);
    change_beside(world, change, id);
    while (sem_trywait(&world->disk.inside) != 0) {
        world_run_past_disk(world, 1);
        (void)usleep(1000);
    }
}

/* ---- replays beside a backlog ---- */

enum {
    BACKLOG = 5000, /* the window holds fewer */
    BACKLOG_RECORDS = 50,
};

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
    struct world_options options = plain;
    options.step_ms = 20;
    struct world *world = begin(&options, is_away);

    for (int i = 0; i < BACKLOG; i++)
        (void)world_send(world, "users", i % BACKLOG_RECORDS, i / BACKLOG_RECORDS + 1);
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

/* Convex takes a newer event of the record while the disk makes the letter pending. */
static void test_a_replay_never_comes_after_a_newer_event(void **state)
{
    (void)state;
    struct world *world = begin(&plain, rejects_all);

    (void)world_send(world, "users", 1, 1);
    world_run(world, 100);
    assert_counts(0, 1, 0);
    world->convex = takes_all;
    hold_while_replays_are_taken_up(world, replay_row, 1);
    struct sender *sender = world_send(world, "users", 1, 2);
    world_run_past_disk(world, 100);
    assert_false(sender->answered); /* a crash now would leave no trace of it */
    fault_store_let_go(&world->disk);
    world_run(world, 2000);
    assert_int_equal(sender->reply, REPLY_DELIVERED);
    assert_int_equal(world->disorders, 0);
    assert_int_equal(world->done, 1);
    assert_counts(1, 1, 0);
    change_beside(world, replay_is_stale, 1);
}

/* The disk fails while Convex takes a newer event of the letter's record. */
static void test_a_letter_becomes_stale_when_the_disk_is_back(void **state)
{
    (void)state;
    struct world *world = begin(&plain, rejects_all);

    (void)world_send(world, "users", 1, 1);
    world_run(world, 100);
    assert_counts(0, 1, 0);
    world->convex = takes_all;
    fault_store_set(&world->disk, FAULT_BEGIN, STORE_BROKEN);
    struct sender *sender = world_send(world, "users", 1, 2);
    world_run(world, 3000);
    assert_int_equal(sender->reply, REPLY_DELIVERED);
    fault_store_set(&world->disk, FAULT_BEGIN, 0);
    world_run(world, 3000);
    change_beside(world, replay_is_stale, 1);
}

/* What fills the window is a forced replay, so that the first page begins behind it. */
static void test_a_page_begins_behind_a_replay(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.step_ms = 20;
    struct world *world = begin(&options, rejects_all);
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

static bool the_window_is_full(struct world *world)
{
    return relay_pending(world->relay) >= 4096 && a_replay_waits(world);
}

/* Convex is away, and they are many: most of them wait on disk. */
static void test_replays_wait_for_room(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.step_ms = 100;
    struct world *world = begin(&options, rejects_all);

    for (int i = 0; i < BACKLOG; i++)
        (void)world_send(world, "users", i % BACKLOG_RECORDS, i / BACKLOG_RECORDS + 1);
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
    struct world *world = begin(&plain, rejects_all);

    (void)world_send(world, "users", 1, 1);
    world_run(world, 100);
    assert_counts(0, 1, 0);
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

enum { LARGE = 15 << 20 };

/* The letter is so large that it takes many turns to read, and the newer event is done before. */
static void test_a_large_letter_meets_the_newer_event(void **state)
{
    (void)state;
    struct world *world = begin(&plain, rejects_all);

    (void)world_send_large(world, "users", 1, 1, LARGE);
    world_run(world, 100);
    assert_counts(0, 1, 0);
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

/* ---- while a page comes in ---- */

/* The letter is replayed, and taken up in the very turn in which the route's page is asked for. */
static void replay_beside_page(struct world *world, const char *model, uint64_t letter)
{
    const struct relay_route *route = relay_route_find(world->relay, span_of(model));

    outbox_on_replays(world->outbox, NULL, NULL);
    loop_timer_clear(world->loop, &world->relay->tend_timer);
    change_beside(world, replay_row, letter);
    while (!a_replay_waits(world))
        (void)usleep(1000);
    world->convex = takes_all;
    relay_probe(world->relay);
    while (!route->reading) {
        world->now_ms++;
        assert_int_equal(loop_turn(world->loop), 0);
        (void)usleep(100);
    }
    relay_take_up_replays(world->relay);
    assert_int_equal(loop_turn(world->loop), 0); /* tells the outbox */
    while (!the_replay_was_taken_up(world))
        (void)usleep(1000);
    loop_timer_set(world->loop, &world->relay->tend_timer, world->now_ms + 1000);
}

enum { LAST = 3000 }; /* in memory, and one page behind */

static void test_a_letter_behind_the_last_page(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.step_ms = 20;
    struct world *world = begin(&options, is_away);

    for (int record = 1; record <= LAST; record++)
        (void)world_send(world, "users", record, 1);
    world_run(world, 100);
    change_beside(world, bury_row, LAST);
    replay_beside_page(world, "users", LAST);
    world_run_until(world, nothing_is_left, WORLD_DAY_MS);
    assert_int_equal(world->done, LAST);
    assert_counts(LAST, 0, 0);
}

enum { PAGE_LARGE = 3 << 20 };

static struct world_answer has_no_function(struct world *world, const char *path, int record,
                                           int number)
{
    (void)world, (void)path, (void)record, (void)number;
    return world_no_function();
}

/* An older event of its record, and a large one, is in the page. */
static void test_a_letter_amid_the_page(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.routes = many_routes();
    struct world *world = begin(&options, has_no_function);

    (void)world_send(world, "m0", 0, 1);
    world_run(world, 100); /* the route is held: nobody is let in past the window */
    for (int number = 2; number <= MANY_WINDOW; number++)
        (void)world_send(world, "m0", 0, number);
    (void)world_send_large(world, "m0", 1, 1, PAGE_LARGE);
    (void)world_send(world, "m0", 1, 2);
    (void)world_send(world, "m0", 2, 1);
    world_run(world, 100);
    assert_int_equal(relay_pending(world->relay), MANY_WINDOW);
    change_beside(world, bury_row, MANY_WINDOW + 2);
    replay_beside_page(world, "m0", MANY_WINDOW + 2);
    world_run_until(world, nothing_is_left, WORLD_DAY_MS);
    assert_int_equal(world->disorders, 0);
    assert_counts(MANY_WINDOW + 3, 0, 0);
}

/* ---- after a crash ---- */

/* Record 1 stands behind record 0, whose answer is long in coming. */
static struct world_answer stops_at_record_0(struct world *world, const char *path, int record,
                                             int number)
{
    struct world_answer answer = takes_all(world, path, record, number);

    if (record == 0)
        answer.after_ms = 1000 * WORLD_DAY_MS;
    return answer;
}

/* The process before has sent it, or not: nobody knows. */
static void test_a_newer_event_may_have_been_sent(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.concurrency = 1;
    struct world *world = begin(&options, rejects_all);

    (void)world_send(world, "users", 1, 1);
    world_run(world, 100);
    world->convex = stops_at_record_0;
    (void)world_send(world, "users", 0, 1);
    (void)world_send(world, "users", 1, 2);
    world_run(world, 100);
    world_restart(world);
    change_beside(world, replay_row, 1);
    world_run_until(world, the_replay_was_taken_up, 1000 * WORLD_DAY_MS);
    world_run(world, 100);
    assert_counts(0, 1, 2);
    change_beside(world, replay_is_stale, 1);
}

static struct distance_row {
    const char *name;
    int before; /* events, on disk before the letter */
} distance_rows[] = {
    {"the letter stands before all that is in memory", 0},
    {"the letter is in a page that is yet to come", 2500},
};

/* The same, far behind on disk. The replay of another record waits until that is known, and goes.
 */
static void test_what_was_sent_may_be_far_behind(void **state)
{
    const struct distance_row *row = *state;
    uint64_t letter = (uint64_t)row->before + 1;
    struct world_options options = plain;
    options.step_ms = 20;
    struct world *world = begin(&options, is_away);

    for (int i = 0; i < BACKLOG; i++) {
        bool is_letter = i == row->before || i == row->before + 1;
        (void)world_send(world, "users", is_letter ? i - row->before + 1 : 3 + i, 1);
    }
    (void)world_send(world, "users", 1, 2);
    world_run(world, 100);
    world_stop(world);
    change_beside(world, bury_row, letter);
    change_beside(world, bury_row, letter + 1);
    world_start(world);
    change_beside(world, replay_row, letter);
    change_beside(world, replay_row, letter + 1);
    world_run_until(world, the_replay_was_taken_up, 1000 * WORLD_DAY_MS);
    world->convex = takes_all;
    (void)world_send(world, "users", 2, 2);
    world_run_until(world, nothing_is_left, WORLD_DAY_MS);
    assert_int_equal(world->disorders, 0);
    assert_int_equal(world->done, BACKLOG + 1);
    assert_counts(BACKLOG + 1, 1, 0);
    change_beside(world, replay_is_stale, letter);
}

enum {
    POSTS = 14, /* more than 24 MiB, of a route that is held */
    POST_BYTES = 2 << 20,
};

static bool users_are_done(struct world *world)
{
    return world->done == BACKLOG;
}

/* Replays of one record wait for a page, while another route has all the room. */
static void test_what_waits_for_a_page_gets_it(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.step_ms = 20;
    struct world *world = begin(&options, is_away);

    for (int i = 0; i < BACKLOG; i++)
        (void)world_send(world, "users", i < 2 ? 1 : i, i < 2 ? i + 1 : 1);
    for (int i = 0; i < POSTS; i++)
        (void)world_send_large(world, "posts", i, 1, POST_BYTES);
    world_run(world, 100);
    world_stop(world);
    change_beside(world, bury_row, 1);
    change_beside(world, bury_row, 2);
    world->convex = has_no_posts;
    world_start(world);
    change_beside(world, replay_all, 2);
    world_run_until(world, the_replay_was_taken_up, 1000 * WORLD_DAY_MS);
    world_run_until(world, users_are_done, 600 * 1000);
    world_run(world, 100);
    assert_int_equal(world->disorders, 0);
    assert_counts(BACKLOG, 0, POSTS);
}

enum { AMID = 290, AMID_BYTES = 100 << 10 }; /* events between the letter and the newer one */

static struct world_answer takes_record_1_alone(struct world *world, const char *path, int record,
                                                int number)
{
    struct world_answer answer = takes_all(world, path, record, number);

    if (record != 1)
        answer.after_ms = 1000 * WORLD_DAY_MS;
    return answer;
}

/* A letter, much in between, and a newer event, which Convex took before the process died. */
static struct world *begin_after_crash(int letter_bytes)
{
    struct world_options options = plain;
    options.concurrency = 1000;
    struct world *world = begin(&options, is_away);

    (void)world_send_large(world, "users", 1, 1, letter_bytes);
    for (int i = 0; i < AMID; i++)
        (void)world_send_large(world, "users", 3 + i, 1, AMID_BYTES);
    (void)world_send(world, "users", 1, 2);
    world_run(world, 100);
    world_stop(world);
    change_beside(world, bury_row, 1);
    world->newest[1] = 2;
    world->convex = takes_record_1_alone;
    world_start(world);
    world_run(world, 200);
    return world;
}

/* The page with the newer event is read right behind the replay, which takes many turns. */
static void test_the_page_is_read_behind_the_replay(void **state)
{
    (void)state;
    struct world *world = begin_after_crash(PAGE_LARGE);

    outbox_on_replays(world->outbox, NULL, NULL);
    loop_timer_clear(world->loop, &world->relay->tend_timer);
    change_beside(world, replay_row, 1);
    while (!a_replay_waits(world))
        (void)usleep(1000);
    relay_take_up_replays(world->relay);
    size_t bytes = world->relay->bytes;
    world->relay->bytes = 0; /* as if there were room */
    relay_page_all(world->relay);
    world->relay->bytes = bytes;
    assert_int_equal(world->relay->reads, 1);
    world_run(world, 3000);
    assert_int_equal(world->disorders, 0);
}

/* Another process has taken the replay up, and kept it back, when it is stopped. */
static void test_a_restart_while_a_replay_waits(void **state)
{
    (void)state;
    struct world *world = begin_after_crash(0);

    change_beside(world, replay_row, 1);
    world_run_until(world, the_replay_was_taken_up, 1000 * WORLD_DAY_MS);
    world_run(world, 100);
    assert_int_equal(world->relay->replayed, 1);
    world_restart(world);
    world_run(world, 3000);
    assert_int_equal(world->disorders, 0);
    assert_int_equal(world->relay->replayed, 1);
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
    struct world_options options = plain;
    options.step_ms = 100;
    struct world *world = begin(&options, rejects_posts);

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
static void test_a_census_while_replays_come_in(void **state)
{
    (void)state;
    struct world *world = begin(&plain, rejects_all);

    (void)world_send(world, "users", 1, 1);
    world_run(world, 100);
    world->convex = takes_number_2_slowly;
    (void)world_send(world, "users", 2, 2);
    world_run(world, 100);
    joins_until_memory_is_short = 1;
    change_beside(world, replay_row, 1);
    while (!relay_intake_is_busy(&world->relay->replays_intake)) {
        world_run_past_disk(world, 1);
        (void)usleep(1000);
    }
    loop_timer_set(world->loop, &TAILQ_FIRST(&world->calls)->timer, world->now_ms);
    world_run(world, 50);
    assert_false(TAILQ_EMPTY(&world->relay->fated));
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
    struct world_options options = plain;
    options.step_ms = 100;
    struct world *world = begin(&options, rejects_all);

    (void)world_send(world, "users", BACKLOG, 1);
    world_run(world, 1000);
    world->now_ms += 4 * WORLD_DAY_MS;
    world->convex = is_away;
    for (int i = 0; i < BACKLOG; i++)
        (void)world_send(world, "users", i % BACKLOG_RECORDS, i / BACKLOG_RECORDS + 1);
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
        ROW(test_a_letter_behind_the_last_page),
        ROW(test_a_letter_amid_the_page),
        ROW(test_a_newer_event_may_have_been_sent),
        ROW(test_the_page_is_read_behind_the_replay),
        ROW(test_a_restart_while_a_replay_waits),
        ROW(test_what_waits_for_a_page_gets_it),
        ROW(test_replays_wait_for_room),
        ROW(test_a_stuck_record_keeps_no_replay_waiting),
        ROW(test_a_letter_without_memory_is_taken_in_later),
        ROW(test_a_census_while_replays_come_in),
        ROW(test_an_old_letter_behind_a_backlog),
    };
    struct CMUnitTest
        tests[array_len(plain_tests) + array_len(replay_rows) + array_len(distance_rows)];
    size_t len = array_len(plain_tests);

    memcpy(tests, plain_tests, sizeof(plain_tests));
    len = rows_add(tests, len, replay_rows, test_replay_beside_backlog);
    len = rows_add(tests, len, distance_rows, test_what_was_sent_may_be_far_behind);
    for (size_t i = array_len(plain_tests); i < len; i++)
        tests[i].teardown_func = end;
    log_setup(LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
