/* SPDX-License-Identifier: MIT */
/* The number that a mutation gets: the event's id, whatever happens to relay, disk and clock. */
#include <errno.h>

#include "tests/unit/lib/seen_world.h"

#define USERS "\"mutation\":\"users:syncFromBlade\",\"sequence\":\"syncSeq\""
#define ROUTES                                                                                     \
    "{\"users\":{" USERS ",\"remove\":\"users:remove\"},"                                          \
    "\"posts\":{\"mutation\":\"posts:syncFromBlade\"}}"

static const struct world_options numbered = {.sync_wait_ms = 10000, .routes = ROUTES};

static void assert_seen(int i, int record, uint64_t sequence)
{
    assert_true(i < seen.len);
    assert_int_equal(seen.items[i].record, record);
    assert_int_equal(seen.items[i].sequence, sequence);
}

/* ---- which number ---- */

static struct world_answer fails_at_first(struct world *world, const char *path, int record,
                                          int number)
{
    (void)path, (void)record, (void)number;
    return world->attempts < 3 ? world_lost() : world_done();
}

static void test_the_same_at_each_attempt(void **state)
{
    (void)state;
    struct world *world = begin_seen(&numbered, fails_at_first);

    (void)world_send(world, "users", 1, 1);
    (void)world_send(world, "posts", 2, 1);
    world_run(world, 300);
    world_restart(world);
    world_run_until(world, nothing_is_left, 600 * 1000);
    assert_true(seen.len >= 5);
    for (int i = 0; i < seen.len; i++)
        assert_int_equal(seen.items[i].sequence, seen.items[i].record == 1 ? id_of(1) : 0);
}

static void test_replays(void **state)
{
    (void)state;
    struct world *world = begin_seen(&numbered, rejects_all);

    (void)world_send(world, "users", 1, 1);
    (void)world_send(world, "users", 2, 2);
    world_run(world, 1000);
    change_beside(world, replay_row, 1);
    change_beside(world, force_row, 2);
    await_offers(world);
    world_run_until(world, nothing_is_left, 10000);
    assert_int_equal(seen.len, 4);
    assert_seen(0, 1, id_of(1));
    assert_seen(1, 2, id_of(2));
    assert_int_equal(seen.items[2].record + seen.items[3].record, 3);
    for (int i = 2; i < 4; i++) {
        if (seen.items[i].record == 1)
            assert_int_equal(seen.items[i].sequence, id_of(1));
        else
            assert_true(seen.items[i].sequence > id_of(2));
    }
}

static void test_removals_carry_it(void **state)
{
    (void)state;
    struct world *world = begin_seen(&numbered, takes_all);

    (void)world_send(world, "users", 7, 1);
    (void)world_post(world, "{\"model\":\"users\",\"operation\":\"remove\",\"hiveId\":\"r7\"}");
    world_run_until(world, nothing_is_left, 1000);
    assert_int_equal(seen.len, 2);
    assert_seen(0, 7, id_of(1));
    assert_seen(1, 7, id_of(2));
    assert_int_equal(seen.items[1].number, -1);
}

static void test_own_member_is_replaced(void **state)
{
    (void)state;
    struct world *world = begin_seen(&numbered, takes_all);

    (void)world_post(world, "{\"model\":\"users\",\"data\":{\"syncSeq\":77,\"bladeId\":\"r7\","
                            "\"n\":1,\"syncSeq\":78},\"hiveId\":\"r7\"}");
    world_run_until(world, nothing_is_left, 1000);
    assert_seen(0, 7, id_of(1));
}

static void test_items_of_batches_carry_it(void **state)
{
    (void)state;
    struct world_options options = numbered;
    options.routes = "{\"users\":{" USERS ",\"batch\":\"users:syncBatch\"}}";
    struct world *world = begin_seen(&options, takes_all);

    for (int i = 1; i <= 20; i++)
        (void)world_send(world, "users", i, 1);
    world_run_until(world, nothing_is_left, 1000);
    assert_true(world->batches > 0);
    assert_int_equal(seen.len, 20);
    for (int i = 0; i < 20; i++)
        assert_seen(i, i + 1, id_of((uint64_t)i + 1));
}

/* Without an outbox ids rise as well. */
static void test_nothing_kept(void **state)
{
    (void)state;
    struct world_options options = numbered;
    options.keeps_nothing = true;
    struct world *world = begin_seen(&options, takes_all);

    for (int i = 1; i <= 3; i++)
        (void)world_send(world, "users", i, 1);
    world_run(world, 100);
    assert_int_equal(seen.len, 3);
    for (int i = 0; i < 3; i++)
        assert_seen(i, i + 1, id_of((uint64_t)i + 1));
}

/* A reload that brings sequence reaches events that wait already. */
static void test_a_reload_brings_it(void **state)
{
    (void)state;
    struct world *world = begin_seen(&plain, is_away);

    (void)world_send(world, "users", 1, 1);
    world_run(world, 1000);
    world->convex = takes_all;
    world_reload(world, ROUTES);
    world_run_until(world, nothing_is_left, 60 * 1000);
    assert_int_equal(seen.items[0].sequence, 0);
    assert_seen(seen.len - 1, 1, id_of(1));
}

/* ---- the disk first ---- */

/* Ids that were given must be known after a crash: the first one after an idle second waits. */
static void test_the_mark_is_stored_first(void **state)
{
    (void)state;
    struct world *world = begin_seen(&numbered, takes_all);

    fault_store_hold(&world->disk);
    (void)world_send(world, "posts", 2, 1);
    (void)world_send(world, "users", 1, 1);
    world_run_past_disk(world, 10);
    fault_store_await(&world->disk);
    world_run_past_disk(world, 500);
    assert_int_equal(seen.len, 1);
    assert_seen(0, 2, 0); /* a route without sequence waits for nothing */
    fault_store_let_go(&world->disk);
    world_wait_for_disk(world);
    world_run(world, 10);
    assert_int_equal(seen.len, 2);
    assert_seen(1, 1, id_of(2));
    world_run(world, 100);

    fault_store_hold(&world->disk);
    (void)world_send(world, "users", 1, 2); /* within the second that is stored ahead */
    world_run_past_disk(world, 10);
    assert_int_equal(seen.len, 3);
    fault_store_let_go(&world->disk);
    world_run_until(world, nothing_is_left, 1000);
    assert_counts(3, 0, 0);
}

static struct disk_row {
    const char *name;
    enum fault_call call;
    int r;
} disk_rows[] = {
    {"a full disk: the event is sent when it is known", FAULT_COMMIT, STORE_FULL},
    {"a disk that takes no row: the event is sent when it is known", FAULT_APPEND, -EIO},
};

static void test_the_mark_cannot_be_stored(void **state)
{
    const struct disk_row *row = *state;
    struct world *world = begin_seen(&numbered, takes_all);

    fault_store_set(&world->disk, row->call, row->r);
    struct sender *first = world_send(world, "users", 1, 1);
    world_run(world, 100);
    struct sender *second = world_send(world, "users", 1, 2);
    world_run(world, 100);
    assert_int_equal(first->reply, REPLY_DELIVERED);
    assert_int_equal(second->reply, REPLY_DELIVERED);
    assert_int_equal(seen.len, 2);
    assert_true(seen.items[1].sequence > seen.items[0].sequence);
    fault_store_set(&world->disk, row->call, 0);
    world_run(world, 3000);
    assert_counts(2, 0, 0);
}

/* ---- lives ---- */

enum { LIVES = 12, TURNS = 60, RECORDS = 4, NUMBERS = 200 };

static struct {
    unsigned seed;
    int sent[RECORDS];
    uint64_t sequences[RECORDS][NUMBERS]; /* of the first attempt; 0: there was none */
} life;

static int roll(int sides)
{
    return rand_r(&life.seed) % sides;
}

static struct world_answer takes_some(struct world *world, const char *path, int record, int number)
{
    (void)world, (void)path, (void)record, (void)number;
    return roll(4) > 0 ? world_done() : roll(2) ? world_lost() : world_unreachable();
}

static void check_seen(void)
{
    for (int i = 0; i < seen.len; i++) {
        const struct world_item *item = &seen.items[i];
        uint64_t *first = &life.sequences[item->record][item->number];
        assert_true(item->sequence > 0);
        if (*first)
            assert_int_equal(item->sequence, *first);
        *first = item->sequence;
    }
    seen.len = 0;
}

/* Of the events that Convex has seen, by rising arrival: event n is of record n % 4. */
static void check_order(void)
{
    uint64_t last = 0;

    for (int n = 0; n < RECORDS * NUMBERS; n++) {
        uint64_t sequence = life.sequences[n % RECORDS][n / RECORDS];
        if (!sequence)
            continue;
        assert_true(sequence > last);
        last = sequence;
    }
}

static void send_next(struct world *world)
{
    static int n;

    if (life.sent[0] == 0)
        n = RECORDS; /* numbers begin with 1 */
    life.sent[0] = 1;
    if (n < RECORDS * NUMBERS) {
        (void)world_send(world, "users", n % RECORDS, n / RECORDS);
        n++;
    }
}

static void live(struct world *world)
{
    static const int64_t leaps_ms[] = {0, 0, 1, -1, 5000, -5000, WORLD_DAY_MS, -WORLD_DAY_MS};

    for (int turn = 0; turn < TURNS; turn++) {
        for (int n = roll(5); n > 0; n--)
            send_next(world);
        if (roll(4) == 0)
            fault_store_crash_before(&world->disk, 1 + roll(12));
        if (roll(3) == 0)
            world->leapt_ms += leaps_ms[roll((int)array_len(leaps_ms))];
        world_run(world, 1 + roll(30));
        if (fault_store_has_crashed(&world->disk) || roll(8) == 0) {
            check_seen();
            world_restart(world);
            fault_store_crash_before(&world->disk, 0);
        }
        world_run(world, roll(2) ? 1 : 1500);
        check_seen();
    }
}

/* Kills, restarts and leaps: no number twice, none smaller than an earlier event's. */
static void test_lives(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= LIVES; seed++) {
        memset(&life, 0, sizeof(life));
        life.seed = seed;
        struct world *world = begin_seen(&numbered, takes_some);
        world->leapt_ms = INT64_C(1795000000000);
        live(world);
        fault_store_crash_before(&world->disk, 0);
        world->convex = takes_all;
        world_run_until(world, nothing_is_left, 600 * 1000);
        check_seen();
        check_order();
        (void)end(NULL);
    }
}

int main(void)
{
#define ROW(name) cmocka_unit_test_teardown(name, end)
    static const struct CMUnitTest plain_tests[] = {
        ROW(test_the_same_at_each_attempt),
        ROW(test_replays),
        ROW(test_removals_carry_it),
        ROW(test_own_member_is_replaced),
        ROW(test_items_of_batches_carry_it),
        ROW(test_nothing_kept),
        ROW(test_a_reload_brings_it),
        ROW(test_the_mark_is_stored_first),
        ROW(test_lives),
    };
    static struct CMUnitTest tests[array_len(plain_tests) + array_len(disk_rows)];

    log_setup(LOG_ERROR, LOG_TEXT);
    memcpy(tests, plain_tests, sizeof(plain_tests));
    (void)cases_add(tests, array_len(plain_tests), disk_rows, test_the_mark_cannot_be_stored);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
