/* SPDX-License-Identifier: MIT */
/*
 * Dead letters that are replayed beside a running relay: each goes to the end of its record's line,
 * comes once, never after a newer event, and keeps nobody who is live waiting.
 */
#include <unistd.h>

#include "tests/unit/lib/fault_allocator.h"
#include "tests/unit/lib/relay_cases.h"

static struct world *begin_with_letter(int bytes)
{
    struct world *world = begin(&plain, rejects_all);

    (void)world_send_large(world, "users", 1, 1, bytes);
    world_run(world, 100);
    assert_counts(0, 1, 0);
    return world;
}

static uint64_t refused_of(struct world *world, const char *model)
{
    cleanup(snapshot_done) struct snapshot snapshot = {0};

    const struct snapshot_route *route = world_look(world, &snapshot, model);
    return route && route->counts ? route->counts->refused : snapshot.other.refused;
}

static int row_tells(void *ctx, const struct store_row *row)
{
    return span_eq(row->reason, span_of(ctx)) ? 1 : 0;
}

/* Whether a letter has that reason. */
static bool a_letter_says(struct world *world, const char *reason)
{
    const struct store_filter dead = {.first = STORE_DEAD, .last = STORE_DEAD, .bare = true};
    struct store *store = world_open(world, STORE_BESIDE);
    int r = store->ops->read(store, &dead, row_tells, (void *)reason);

    store->ops->close(store);
    return r == 1;
}

/* ---- the end of the line ---- */

static struct world_answer takes_later(struct world *world, const char *path, int record,
                                       int number)
{
    (void)world, (void)path, (void)record, (void)number;
    struct world_answer answer = world_done();

    answer.after_ms = 5000;
    return answer;
}

static struct line_row {
    const char *name;
    int record; /* of the event that is on its way when the letter is replayed; 0: none is */
    bool forced;
    uint64_t delivered, dead, refused;
} line_rows[] = {
    {"a letter with nobody behind it goes", 0, false, 1, 0, 0},
    {"a newer event of its record is on its way: refused", 1, false, 1, 1, 1},
    {"a newer event of another record is", 2, false, 2, 0, 0},
    {"a forced one goes behind it", 1, true, 2, 0, 0},
};

static void test_the_end_of_the_line(void **state)
{
    const struct line_row *row = *state;
    struct world *world = begin_with_letter(0);

    world->convex = takes_later;
    if (row->record)
        (void)world_send(world, "users", row->record, 2);
    world_run(world, 100);
    world->newest[1] = row->forced ? 0 : world->newest[1];
    change_beside(world, row->forced ? force_row : replay_row, 1);
    await_offers(world);
    world_run_until(world, nothing_is_left, 60 * 1000);
    assert_counts(row->delivered, row->dead, 0);
    assert_int_equal(refused_of(world, "users"), row->refused);
    assert_int_equal(
        a_letter_says(world,
                      "Uncaught Error: no; replay refused: a newer event of the record waits"),
        row->refused);
    assert_int_equal(world->overlaps, 0);
    assert_int_equal(world->disorders, row->forced && row->record); /* which was wanted */
    if (row->refused)
        change_beside(world, replay_is_stale, 1);
}

/* Letters of one record that are replayed together go in their old order. */
static void test_letters_of_one_record(void **state)
{
    enum { LETTERS = 30, RECORDS = 2 };
    (void)state;
    struct world *world = begin(&plain, rejects_all);

    for (int i = 0; i < LETTERS; i++)
        (void)world_send(world, "users", i % RECORDS, i + 1);
    world_run(world, 1000);
    world->convex = takes_all;
    change_beside(world, replay_all, LETTERS);
    await_offers(world);
    world_run_until(world, nothing_is_left, 5000);
    assert_int_equal(world->done, LETTERS);
    assert_int_equal(world->disorders, 0);
    assert_counts(LETTERS, 0, 0);
}

static void await_held_commit(struct world *world)
{
    while (sem_trywait(&world->disk.inside) != 0) {
        world_run_past_disk(world, 1);
        (void)usleep(1000);
    }
}

/* A newer event of the record arrives while the disk makes the letter pending. */
static void test_a_newer_event_while_the_letter_is_fetched(void **state)
{
    (void)state;
    struct world *world = begin_with_letter(0);

    world->convex = takes_all;
    fault_store_hold(&world->disk);
    change_beside(world, replay_row, 1);
    await_held_commit(world);
    (void)world_send(world, "users", 1, 2);
    world_run_past_disk(world, 100);
    assert_int_equal(world->attempts, 1); /* the letter's own, before it died */
    fault_store_let_go(&world->disk);
    world_run_until(world, nothing_is_left, 2000);
    assert_int_equal(world->done, 2);
    assert_int_equal(world->disorders, 0);
    assert_counts(2, 0, 0);
}

/* A command takes it away between the look and the fetching, or the relay stops there. */
static void test_an_offer_that_is_gone(void **state)
{
    (void)state;
    struct world *world = begin_with_letter(0);

    world->convex = takes_all;
    fault_store_set(&world->disk, FAULT_TAKE, STORE_MISSING);
    change_beside(world, replay_row, 1);
    while (atomic_load(&world->disk.calls[FAULT_TAKE]) == 0)
        world_step(world);
    world_run(world, 100);
    assert_int_equal(relay_pending(world->relay), 0);
    fault_store_set(&world->disk, FAULT_TAKE, 0);
    world_restart(world);
    await_offers(world);
    world_run_until(world, nothing_is_left, 1000);
    assert_counts(1, 0, 0);
}

/* ---- idle moments ---- */

/* The window is full, and more is on disk: the letter waits until all of that is in memory. */
static void test_a_backlog_goes_first(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(20, rejects_all);

    (void)world_send(world, "users", BACKLOG, 1);
    world_run(world, 1000);
    world->convex = is_away;
    send_backlog(world, "users");
    world_run(world, 1000);
    change_beside(world, replay_row, 1);
    (void)usleep(1500 * 1000); /* the outbox's thread has seen it */
    world_run(world, 1000);
    assert_int_equal(rows_in(world, STORE_OFFERED, STORE_FORCED), 1);
    world->convex = takes_all;
    world_run_until(world, nothing_is_left, WORLD_DAY_MS);
    await_offers(world);
    world_run_until(world, nothing_is_left, 1000);
    assert_int_equal(world->done, BACKLOG + 1);
    assert_counts(BACKLOG + 1, 0, 0);
    assert_int_equal(world->disorders, 0);
}

enum { MANY_LETTERS = 2000, FIRST_LIVE = 10000, LIVE_EVERY_MS = 37, SLOTS = 4 };

static struct {
    int record;  /* that was sent last, live */
    int between; /* attempts with letters that began since, before its own */
    int most;
} live;

static struct world_answer notes_who_goes_first(struct world *world, const char *path, int record,
                                                int number)
{
    (void)world, (void)path, (void)number;
    if (record >= FIRST_LIVE)
        live.record = 0;
    else if (live.record)
        live.between++;
    if (live.between > live.most)
        live.most = live.between;
    return world_done();
}

/* Beside any number of replays a live event waits for attempts that have begun already. */
static void test_live_events_go_first(void **state)
{
    (void)state;
    struct world_options options = plain;
    options.concurrency = SLOTS;
    struct world *world = begin(&options, rejects_all);
    int number = FIRST_LIVE;

    for (int record = 0; record < MANY_LETTERS; record++)
        (void)world_send(world, "users", record, 1);
    world_run_until(world, nothing_is_left, WORLD_DAY_MS);
    world_run(world, 1000);
    assert_counts(0, MANY_LETTERS, 0);
    world->convex = notes_who_goes_first;
    memset(&live, 0, sizeof(live));
    change_beside(world, replay_all, MANY_LETTERS);
    while (!no_offer_waits(world)) {
        live.record = number;
        live.between = 0;
        (void)world_send(world, "users", number++, 1);
        world_run(world, LIVE_EVERY_MS);
    }
    world_run_until(world, nothing_is_left, 5000);
    assert_int_equal(live.most, 0);
    assert_true(number > FIRST_LIVE + 10);
    assert_counts((uint64_t)(MANY_LETTERS + number - FIRST_LIVE), 0, 0);
}

/* A closed gate lets no offer be taken: all wait on disk, however many there are. */
static void test_replays_wait_while_convex_is_away(void **state)
{
    (void)state;
    struct world *world = begin(&plain, rejects_all);

    for (int record = 0; record < 500; record++)
        (void)world_send(world, "users", record, 1);
    world_run_until(world, nothing_is_left, WORLD_DAY_MS);
    world->convex = is_away;
    (void)world_send(world, "posts", 1, 1);
    world_run(world, 100);
    change_beside(world, replay_all, 500);
    (void)usleep(1500 * 1000);
    world_run(world, 60 * 1000);
    assert_in_range(relay_pending(world->relay), 1, 100); /* probes */
    world->convex = takes_all;
    await_offers(world);
    world_run_until(world, nothing_is_left, WORLD_DAY_MS);
    assert_counts(501, 0, 0);
}

/* ---- a disk that refuses, and memory that is short ---- */

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
    await_offers(world);
    world_run(world, 3000);
    assert_int_equal(world->done, 1);
    assert_counts(1, 1, 0);
    change_beside(world, replay_is_stale, 1);
}

/* The disk would let the replay be taken, and has not taken what makes it stale. */
static void test_a_mark_that_the_disk_refuses(void **state)
{
    (void)state;
    struct world *world = begin_with_letter(0);

    world->convex = takes_all;
    fault_store_set(&world->disk, FAULT_APPEND, STORE_FULL);
    fault_store_set(&world->disk, FAULT_MARK_STALE, STORE_BROKEN);
    struct sender *sender = world_send(world, "users", 1, 2);
    world_run(world, 1000);
    assert_int_equal(sender->reply, REPLY_DELIVERED);
    assert_int_equal(relay_pending(world->relay), 0);
    change_beside(world, replay_row, 1);
    (void)usleep(1500 * 1000);
    world_run(world, 3000);
    assert_int_equal(atomic_load(&world->disk.calls[FAULT_TAKE]), 0);
    fault_store_set(&world->disk, FAULT_MARK_STALE, 0);
    assert_overtaken(world);
}

/* The same, and memory is short, too: the event stays where replays meet it. */
static void test_a_mark_that_finds_no_memory(void **state)
{
    (void)state;
    struct world *world = begin_with_letter(0);

    world->convex = takes_all;
    fault_store_set(&world->disk, FAULT_APPEND, STORE_FULL);
    fault_allocator_outbox.empty = true;
    struct sender *sender = world_send(world, "users", 1, 2);
    world_run(world, 1000);
    assert_int_equal(sender->reply, REPLY_DELIVERED);
    assert_int_equal(relay_pending(world->relay), 1);
    change_beside(world, replay_row, 1);
    await_offers(world);
    fault_allocator_outbox.empty = false;
    fault_store_set(&world->disk, FAULT_APPEND, 0);
    assert_overtaken(world);
}

static void test_a_disk_that_refuses_the_taking(void **state)
{
    (void)state;
    struct world *world = begin_with_letter(0);

    world->convex = takes_all;
    fault_store_set(&world->disk, FAULT_TAKE, STORE_BROKEN);
    change_beside(world, replay_row, 1);
    while (atomic_load(&world->disk.calls[FAULT_TAKE]) < 2)
        world_step(world); /* it is asked again each second */
    assert_counts(0, 0, 1);
    fault_store_set(&world->disk, FAULT_TAKE, 0);
    await_offers(world);
    world_run_until(world, nothing_is_left, 1000);
    assert_counts(1, 0, 0);
}

static void test_letters_without_memory_come_later(void **state)
{
    enum { FEW = 10 };
    (void)state;
    struct world *world = begin(&plain, rejects_all);

    for (int i = 0; i < FEW; i++)
        (void)world_send(world, "users", i % 3, i);
    world_run(world, 200);
    assert_counts(0, FEW, 0);
    world->convex = takes_all;
    fault_allocator_relay.countdown = 4;
    change_beside(world, replay_all, FEW);
    await_offers(world);
    world_run_until(world, nothing_is_left, 2000);
    assert_int_equal(fault_allocator_relay.countdown, 0);
    assert_int_equal(world->done, FEW);
    assert_int_equal(world->disorders, 0);
    assert_counts(FEW, 0, 0);
}

/* ---- what they bring ---- */

enum { LARGE = 15 << 20 };

static void test_a_large_letter(void **state)
{
    (void)state;
    struct world *world = begin_with_letter(LARGE);

    world->convex = takes_all;
    change_beside(world, force_row, 1);
    await_offers(world);
    world_run_until(world, nothing_is_left, 2000);
    assert_int_equal(world->done, 1);
    assert_counts(1, 0, 0);
}

/* While the disk is slow, as many are on their way as memory has room for, however many could
 * start. */
static void test_large_letters_come_a_few_at_a_time(void **state)
{
    (void)state;
    enum { LETTERS = 14, AT_ONCE = 8 };
    struct world *world = begin(&plain, rejects_all);
    atomic_int *takes = &world->disk.calls[FAULT_TAKE];

    for (int i = 1; i <= LETTERS; i++)
        (void)world_send(world, "users", i, 1);
    world_run(world, 1000);
    assert_counts(0, LETTERS, 0);
    world->convex = takes_all;
    for (uint64_t i = 1; i <= LETTERS; i++)
        change_beside(world, replay_row, i);
    int before = atomic_load(takes);
    fault_store_hold(&world->disk);
    await_held_commit(world);
    world_run_past_disk(world, 100);
    assert_in_range(atomic_load(takes) - before, 1, AT_ONCE);
    fault_store_let_go(&world->disk);
    world_run_until(world, nothing_is_left, 2000);
    assert_counts(LETTERS, 0, 0);
}

/* Its age counts from the replay, also over a restart: what died of age would die again. */
static void test_an_old_letter(void **state)
{
    (void)state;
    struct world *world = begin_in_steps(100, rejects_all);

    (void)world_send(world, "users", 1, 1);
    world_run(world, 1000);
    world->now_ms += 4 * WORLD_DAY_MS;
    world_run(world, 1000);
    world->convex = is_away;
    change_beside(world, replay_row, 1);
    await_offers(world);
    world->options.step_ms = 20 * 1000;
    world_run(world, WORLD_DAY_MS);
    assert_counts(0, 0, 1);
    world_restart(world);
    world_run(world, WORLD_DAY_MS);
    assert_counts(0, 0, 1);
    world_run(world, 2 * WORLD_DAY_MS);
    assert_counts(0, 1, 0);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest plain_tests[] = {
        ROW(test_letters_of_one_record),
        ROW(test_a_newer_event_while_the_letter_is_fetched),
        ROW(test_an_offer_that_is_gone),
        ROW(test_a_backlog_goes_first),
        ROW(test_live_events_go_first),
        ROW(test_replays_wait_while_convex_is_away),
        ROW(test_a_letter_becomes_stale_when_the_disk_is_back),
        ROW(test_a_mark_that_the_disk_refuses),
        ROW(test_a_mark_that_finds_no_memory),
        ROW(test_a_disk_that_refuses_the_taking),
        ROW(test_letters_without_memory_come_later),
        ROW(test_a_large_letter),
        ROW(test_large_letters_come_a_few_at_a_time),
        ROW(test_an_old_letter),
    };
    struct CMUnitTest tests[array_len(plain_tests) + array_len(line_rows)];

    memcpy(tests, plain_tests, sizeof(plain_tests));
    (void)cases_add(tests, array_len(plain_tests), line_rows, test_the_end_of_the_line);
    log_setup(LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
