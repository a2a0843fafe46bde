/* SPDX-License-Identifier: MIT */
/*
 * An outbox that is a journal: everything is stored before it is sent, and ids come with the rows.
 */
#include "relay/core.h"
#include "relay/offers.h"

#include "tests/unit/lib/fault_allocator.h"
#include "tests/unit/lib/journal_world.h"

enum {
    CALL_MS = 20, /* of world_done() */
    HELD_MS = 100,
};

static const char no_route_text[] =
    "There is no route for the model"; /* which stays the letter's */

/* ---- stored first ---- */

/* What an event comes to while the disk is held, and then. */
struct first_row {
    const char *name;
    const char *body;
    world_convex_fn convex;
    int64_t sync_wait_ms;
    int fails_with; /* the append; 0: nothing */
    enum reply reply;
    const char *message;
    int attempts;
    uint64_t delivered, dead, pending;
};

static struct first_row first_rows[] = {
    {"done", EVENT("users", DATA), takes_all, 10000, 0, REPLY_DELIVERED, "", 1, 1, 0, 0},
    {"rejected", EVENT("users", DATA), rejects_all, 10000, 0, REPLY_FAILED, "Uncaught Error: no", 1,
     0, 1, 0},
    {"Convex is away", EVENT("users", DATA), is_away, 200, 0, REPLY_QUEUED_AFTER, "fetch failed", 0,
     0, 0, 1},
    {"nobody waits", EVENT("users", DATA), takes_all, 1, 0, REPLY_QUEUED, "", 1, 1, 0, 0},
    {"no route", EVENT("other", DATA), takes_all, 10000, 0, REPLY_DELIVERED, no_route_text, 0, 0, 1,
     0},
    {"no data", EVENT("users", "null"), takes_all, 10000, 0, REPLY_FAILED,
     "Cannot convert undefined or null to object", 0, 0, 1, 0},
    {"done, and the disk is full", EVENT("users", DATA), takes_all, 10000, STORE_FULL,
     REPLY_UNAVAILABLE, journal_unstored, 0, 0, 0, 0},
    {"done, and the disk is broken", EVENT("users", DATA), takes_all, 10000, STORE_BROKEN,
     REPLY_UNAVAILABLE, journal_unstored, 0, 0, 0, 0},
    {"no route, and the disk is full", EVENT("other", DATA), takes_all, 10000, STORE_FULL,
     REPLY_UNAVAILABLE, journal_unstored, 0, 0, 0, 0},
    {"no data, and the disk is full", EVENT("users", "null"), takes_all, 10000, STORE_FULL,
     REPLY_UNAVAILABLE, "Cannot convert undefined or null to object", 0, 0, 0, 0},
};

static void test_stored_first(void **state)
{
    const struct first_row *row = *state;
    struct world_options options = journal;

    options.sync_wait_ms = row->sync_wait_ms;
    struct world *world = begin_seen(&options, row->convex);
    fault_store_hold(&world->disk);
    fault_store_set(&world->disk, FAULT_APPEND, row->fails_with);
    struct sender *sender = world_post(world, row->body);
    world_run_past_disk(world, HELD_MS);
    assert_false(sender->answered);
    assert_int_equal(world->attempts, 0);
    fault_store_await(&world->disk);
    fault_store_let_go(&world->disk);
    world_run(world, 400);
    assert_told(sender, row->reply, row->message);
    if (row->convex != is_away)
        assert_int_equal(world->attempts, row->attempts);
    assert_counts(row->delivered, row->dead, row->pending);
}

/* ---- order ---- */

static void test_ids_are_the_order(void **state)
{
    (void)state;
    struct world *world = begin_seen(&journal, takes_all);

    for (int n = 1; n <= 30; n++) {
        for (int record = 0; record < 10; record++)
            (void)world_send(world, "users", record, n);
        if (n % 3 == 0)
            world_run(world, 3);
    }
    world_run_until(world, nothing_is_left, 60 * 1000);
    assert_int_equal(seen.len, 300);
    assert_true(seen.items[0].sequence >= OUTBOX_IDS_FROM);
    assert_rising(10);
    assert_int_equal(world->overlaps + world->disorders, 0);
    assert_counts(300, 0, 0);
}

static void test_more_than_a_window(void **state)
{
    (void)state;
    struct world_options options = journal;
    options.routes = many_routes();
    options.step_ms = 5;
    options.sync_wait_ms = 500;
    struct world *world = begin(&options, takes_all);

    send_backlog(world, "m1");
    world_run(world, 1000);
    assert_in_range(relay_pending(world->relay), MANY_WINDOW / 2, 2 * MANY_WINDOW);
    world_run_until(world, nothing_is_left, 600 * 1000);
    assert_int_equal(world->overlaps + world->disorders, 0);
    assert_counts(BACKLOG, 0, 0);
}

static void test_no_memory_for_a_place(void **state)
{
    (void)state;
    struct world *world = begin_seen(&journal, takes_all);

    fault_store_hold(&world->disk);
    struct sender *first = world_send(world, "users", 1, 1);
    struct sender *second = world_send(world, "users", 1, 2);
    world_run_past_disk(world, HELD_MS);
    fault_allocator_relay.countdown = 1; /* the first one's lane */
    fault_store_await(&world->disk);
    fault_store_let_go(&world->disk);
    world_run(world, 1);
    fault_allocator_end();
    world_run(world, 1000);
    assert_told(first, REPLY_QUEUED, "");
    assert_told(second, REPLY_QUEUED, "");
    assert_int_equal(seen.len, 2);
    assert_rising(2);
}

/* ---- parcels ---- */

static void test_parcel(void **state)
{
    (void)state;
    struct world *world = begin_parcels(&journal, takes_all);

    world_run(world, 100);
    fault_store_hold(&world->disk);
    struct sent *sent = send_text(ONE "," TWO ",{\"data\":null}");
    unpack(world);
    world_run_past_disk(world, HELD_MS);
    assert_int_equal(world->attempts, 0);
    fault_store_await(&world->disk);
    fault_store_let_go(&world->disk);
    finish(world);
    assert_answer(
        sent, REPLY_RESULTS,
        RESULTS(2, 1, 3, DONE "," DONE "," ERROR("Cannot convert undefined or null to object")));
    assert_counts(2, 1, 0);
}

/* ---- offers ---- */

static bool all(void)
{
    return true;
}

static unsigned dice;

static int roll(int sides)
{
    return rand_r(&dice) % sides;
}

static bool half(void)
{
    return roll(2);
}

static struct world_answer rejects_half(struct world *world, const char *path, int record,
                                        int number)
{
    (void)world, (void)path, (void)record, (void)number;
    struct world_answer answer = roll(2) ? world_done() : world_rejected();

    answer.after_ms = 1 + roll(40);
    return answer;
}

static bool no_row_is_left(struct world *world)
{
    return rows_in(world, STORE_PENDING, STORE_FORCED) == 0;
}

/* Routes with numbers, so many that few events fill the window of each. */
static const char *numbered_routes(void)
{
    static char json[MANY_ROUTES * 64];
    size_t len = 0;

    for (int i = 0; i < MANY_ROUTES; i++)
        len += (size_t)snprintf(json + len, sizeof(json) - len,
                                "%c\"m%d\":{\"mutation\":\"m:f\",\"sequence\":\"syncSeq\"}",
                                i ? ',' : '{', i);
    (void)snprintf(json + len, sizeof(json) - len, "}");
    return json;
}

struct forced_row {
    const char *name;
    int burst; /* events at once, at most */
};

static struct forced_row forced_rows[] = {
    {"forced letters and live events", 4},
    {"forced letters and a backlog", 60},
};

/* A forced letter gets a number behind those that were given before it was taken, and before those
 * given later; its place is by that number, in its lane and where others are on disk only. */
static void test_forced(void **state)
{
    const struct forced_row *row = *state;
    enum { TURNS = 40, TURN_MS = 50, RECORDS = 6 };
    struct world_options options = journal;
    uint64_t last[RECORDS] = {0}, sent = 0;

    options.routes = numbered_routes();
    struct world *world = begin_seen(&options, rejects_half);
    dice = 1;
    for (int turn = 0; turn < TURNS; turn++) {
        for (int i = roll(row->burst); i > 0; i--, sent++)
            (void)world_send(world, "m0", roll(RECORDS), 1);
        if (roll(2))
            force_letters(world, half);
        if (roll(8) == 0)
            world_go_away(world, (enum journal_end)roll(JOURNAL_ENDS));
        else if (roll(2))
            world_come_back(world);
        offers_find(world->relay);
        for (int ms = roll(TURN_MS); ms > 0; ms--) {
            if (roll(4) == 0) {
                (void)world_send(world, "m0", roll(RECORDS), 1);
                sent++;
            }
            world_step(world);
        }
    }
    world_come_back(world);
    world->convex = takes_all;
    for (int i = 0; i < 100 && !no_row_is_left(world); i++) {
        force_letters(world, all);
        offers_find(world->relay);
        world_run(world, 500);
    }
    assert_true(seen.len > TURNS);
    for (int i = 0; i < seen.len; i++) {
        const struct world_item *item = &seen.items[i];
        assert_true(item->sequence > last[item->record]);
        last[item->record] = item->sequence;
    }
    assert_int_equal(world->overlaps, 0);
    assert_counts(sent, 0, 0);
}

static struct world_answer is_slow_for_record_0(struct world *world, const char *path, int record,
                                                int number)
{
    (void)world, (void)path, (void)number;
    struct world_answer answer = world_done();

    answer.after_ms = record == 0 ? 2000 : CALL_MS;
    return answer;
}

/* The letter is taken while a live event of its record is being stored, for which there is no room
 * in memory: the letter must not go before that event. */
static void test_forced_behind_a_spilt_event(void **state)
{
    (void)state;
    struct world_options options = journal;
    int number = 0;

    options.routes = numbered_routes();
    struct world *world = begin_seen(&options, rejects_all);
    const struct model *model = models_find(&world->relay->models, SPAN("m0"));
    (void)world_send(world, "m0", 1, 1);
    world_run(world, 1000);
    world->convex = is_slow_for_record_0;
    while (model->lanes.places < MANY_WINDOW) {
        (void)world_send(world, "m0", 0, ++number);
        world_step(world);
    }
    force_letters(world, all);
    offers_find(world->relay);
    while (!model->offers.reading)
        assert_int_equal(loop_turn(world->loop), 0);
    fault_store_hold(&world->disk);
    (void)world_send(world, "m0", 1, 2);
    world_run_past_disk(world, 5);
    fault_store_await(&world->disk);
    while (model->offers.taking == 0)
        assert_int_equal(loop_turn(world->loop), 0);
    fault_store_let_go(&world->disk);
    world->convex = takes_all;
    for (int i = 0; i < 100 && !no_row_is_left(world); i++)
        world_run(world, 100);
    assert_int_equal(seen.len, number + 3);
    assert_rising(2);
}

static void test_plain_replay_keeps_its_number(void **state)
{
    (void)state;
    struct world *world = begin_seen(&journal, rejects_all);

    (void)world_send(world, "users", 1, 1);
    world_run(world, 1000);
    world->convex = takes_all;
    replay_letters(world, all);
    await_offers(world);
    world_run_until(world, nothing_is_left, 10000);
    assert_int_equal(seen.len, 2);
    assert_int_equal(seen.items[0].sequence, seen.items[1].sequence);
    assert_counts(1, 0, 0);
}

/* Every record may have letters: nothing but the store's index tells. */
static void test_letters_become_stale(void **state)
{
    (void)state;
    struct world *world = begin_seen(&journal, rejects_all);

    (void)world_send(world, "users", 1, 1);
    world_run(world, 1000);
    world_restart(world);
    world->convex = takes_all;
    (void)world_send(world, "users", 1, 2);
    world_run(world, 1000);
    replay_letters(world, all);
    assert_counts(1, 1, 0);
    assert_true(no_offer_waits(world));
}

static struct CMUnitTest tests[array_len(first_rows) + array_len(forced_rows) + 7];

int main(void)
{
    size_t len = cases_add(tests, 0, first_rows, test_stored_first);

    len = cases_add(tests, len, forced_rows, test_forced);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test_teardown(test_ids_are_the_order, end);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test_teardown(test_more_than_a_window, end);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test_teardown(test_no_memory_for_a_place, end);
    tests[len++] = (struct CMUnitTest)parcel_test(test_parcel);
    tests[len++] =
        (struct CMUnitTest)cmocka_unit_test_teardown(test_forced_behind_a_spilt_event, end);
    tests[len++] =
        (struct CMUnitTest)cmocka_unit_test_teardown(test_plain_replay_keeps_its_number, end);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test_teardown(test_letters_become_stale, end);
    log_setup(LOG_ERROR + 1, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
