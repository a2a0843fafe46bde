/* SPDX-License-Identifier: MIT */
/*
 * An outbox that is a journal, and away: what waits, who is told what by when, and what is shown.
 */
#include "tests/unit/lib/journal_world.h"

enum {
    CALL_MS = 20, /* of world_done() */
    PATIENCE_MS = 5000,
};

/* ---- how long ---- */

struct patience_row {
    const char *name;
    int64_t sync_wait_ms;
    int64_t patience_ms;
};

static struct patience_row patience_rows[] = {
    {"nobody waits for Convex", 1, 5000},
    {"a short wait", 500, 5000},
    {"a long wait", 12000, 12000},
};

static void test_patience(void **state)
{
    const struct patience_row *row = *state;
    struct world_options options = journal;

    options.sync_wait_ms = row->sync_wait_ms;
    struct world *world = begin_seen(&options, takes_all);
    world_go_away(world, JOURNAL_GOES);
    struct sender *sender = world_send(world, "users", 1, 1);
    struct sender *letter = world_post(world, EVENT("users", "null"));
    world_run(world, row->patience_ms - 10);
    assert_false(sender->answered || letter->answered);
    struct sender *later = world_send(world, "users", 1, 2);
    world_run(world, 20);
    assert_told(sender, REPLY_UNAVAILABLE, journal_unstored);
    assert_told(letter, REPLY_UNAVAILABLE, journal_unstored);
    assert_false(later->answered);
    world_come_back(world);
    world_run_until(world, nothing_is_left, 1000);
    assert_true(later->answered && later->reply != REPLY_UNAVAILABLE);
    assert_int_equal(seen.len, 1);
    assert_counts(1, 0, 0);
}

struct parcel_row {
    const char *name;
    enum journal_end end;
    uint64_t delivered, dead;
};

static struct parcel_row parcel_rows[] = {
    {"parcel while away", JOURNAL_GOES, 0, 0},
    {"parcel in doubt, and lost", JOURNAL_LOSES, 0, 0},
    {"parcel in doubt, and found", JOURNAL_COMMITS, 2, 1},
};

static void test_parcel_is_given_up(void **state)
{
    const struct parcel_row *row = *state;
    struct world_options options = journal;

    options.sync_wait_ms = 100;
    struct world *world = begin_parcels(&options, takes_all);
    world_run(world, 100);
    world_go_away(world, row->end);
    struct sent *sent = send_text(ONE "," TWO ",{\"data\":null}");
    unpack(world);
    world_run(world, PATIENCE_MS - 10);
    assert_false(sent->answered);
    world_run(world, 20);
    assert_true(sent->answered);
    assert_int_equal(sent->reply, REPLY_UNAVAILABLE);
    world_come_back(world);
    finish(world);
    assert_counts(row->delivered, row->dead, 0);
}

struct doubt_row {
    const char *name;
    enum journal_end end;
    int64_t away_ms;
    enum reply reply;
    int seen; /* by Convex, beside the later one */
};

static struct doubt_row doubt_rows[] = {
    {"lost, and back soon", JOURNAL_LOSES, 1000, REPLY_DELIVERED, 1},
    {"found, and back soon", JOURNAL_COMMITS, 1000, REPLY_DELIVERED, 1},
    {"lost, and back late", JOURNAL_LOSES, 11000, REPLY_UNAVAILABLE, 0},
    {"found, and back late", JOURNAL_COMMITS, 11000, REPLY_UNAVAILABLE, 1},
};

static void test_doubt(void **state)
{
    const struct doubt_row *row = *state;
    struct world *world = begin_seen(&journal, takes_all);

    world_go_away(world, row->end);
    struct sender *sender = world_send(world, "users", 1, 1);
    world_run(world, row->away_ms);
    assert_int_equal(seen.len, 0);
    struct sender *later = world_send(world, "users", 1, 2);
    world_run(world, 10);
    world_come_back(world);
    world_run_until(world, nothing_is_left, 1000);
    assert_int_equal(sender->reply, row->reply);
    assert_told(later, REPLY_DELIVERED, "");
    assert_int_equal(seen.len, row->seen + 1);
    assert_int_equal(seen.items[seen.len - 1].number, 2);
    assert_rising(2);
    assert_counts((uint64_t)row->seen + 1, 0, 0);
}

/* What Convex makes of an event that was stored before the journal went. */
struct fate_row {
    const char *name;
    world_convex_fn convex;
    enum reply reply;
    const char *message;
    int64_t told_ms; /* after the answer */
    uint64_t delivered, dead;
};

static struct fate_row fate_rows[] = {
    {"delivered while away", takes_all, REPLY_DELIVERED, "", 0, 2, 1},
    {"rejected while away", rejects_all, REPLY_QUEUED_AFTER, "Uncaught Error: no", 10000, 0, 3},
};

static void test_fate_waits(void **state)
{
    const struct fate_row *row = *state;
    struct world *world = begin_seen(&journal, row->convex);
    struct sender *sender = world_send(world, "users", 1, 1);
    (void)world_send(world, "users", 1, 2);

    world_run(world, 5);
    assert_int_equal(seen.len, 1);
    world_go_away(world, JOURNAL_GOES);
    world_run(world, CALL_MS + 5);
    if (row->told_ms) {
        assert_false(sender->answered);
        world_run(world, row->told_ms);
    }
    assert_told(sender, row->reply, row->message);
    world_run(world, 20 * 1000);
    assert_int_equal(seen.len, 1); /* the lane waits */
    assert_true(relay_awaits_outbox(world->relay));
    world->convex = takes_all;
    world_come_back(world);
    world_run_until(world, nothing_is_left, 1000);
    assert_false(relay_awaits_outbox(world->relay));
    assert_int_equal(seen.len, 2);
    assert_counts(row->delivered ? 2 : 1, row->delivered ? 0 : 1, 0);
}

static void test_others_go_on_while_away(void **state)
{
    (void)state;
    struct world_options options = journal;
    options.concurrency = 1;
    struct world *world = begin_seen(&options, takes_all);
    struct sender *senders[4];

    for (int i = 0; i < 4; i++)
        senders[i] = world_send(world, "users", i, 1);
    world_run(world, 5);
    world_go_away(world, JOURNAL_GOES);
    world_run(world, 4 * (CALL_MS + 2));
    for (int i = 0; i < 4; i++)
        assert_told(senders[i], REPLY_DELIVERED, "");
    world_come_back(world);
    world_run_until(world, nothing_is_left, 1000);
    assert_counts(4, 0, 0);
}

static void test_bounded_memory(void **state)
{
    (void)state;
    enum { LARGE = 12 * 1024 * 1024, ALL = 32 * 1024 * 1024 };
    struct world *world = begin_seen(&journal, takes_all);

    world_go_away(world, JOURNAL_GOES);
    struct sender *first = world_send_large(world, "users", 1, 1, LARGE);
    struct sender *second = world_send_large(world, "users", 2, 1, LARGE);
    struct sender *third = world_send_large(world, "users", 3, 1, LARGE);
    struct sender *letter = world_send_large(world, "other", 3, 1, LARGE);
    struct sender *small = world_send(world, "users", 3, 2);
    assert_told(third, REPLY_UNAVAILABLE, "The outbox is away");
    assert_told(letter, REPLY_UNAVAILABLE, "The outbox is away");
    assert_in_range(relay_inbox(world->relay)->unstored_bytes(relay_inbox(world->relay)), 2 * LARGE,
                    ALL);
    world_run(world, 1000);
    world_come_back(world);
    world_run(world, 1000);
    assert_int_not_equal(first->reply, REPLY_UNAVAILABLE); /* their bytes may fill the window */
    assert_int_not_equal(second->reply, REPLY_UNAVAILABLE);
    assert_int_not_equal(small->reply, REPLY_UNAVAILABLE);
    third = world_send_large(world, "users", 3, 3, LARGE);
    world_run(world, 1000);
    assert_told(third, REPLY_DELIVERED, "");
    assert_counts(4, 0, 0);
}

static void assert_shown(struct world *world, const char *outbox, const char *why,
                         const char *not_ready)
{
    cleanup(snapshot_done) struct snapshot snapshot = {0};

    (void)world_look(world, &snapshot, "users");
    assert_string_equal(snapshot.outbox, outbox);
    assert_int_equal(snapshot.outbox_why != NULL, why != NULL);
    if (why)
        assert_string_equal(snapshot.outbox_why, why);
    assert_int_equal(snapshot.not_ready != NULL, not_ready != NULL);
    if (not_ready)
        assert_string_equal(snapshot.not_ready, not_ready);
}

static void test_what_is_shown(void **state)
{
    (void)state;
    struct world *world = begin_seen(&journal, takes_all);

    assert_shown(world, "ok", NULL, NULL);
    world_go_away(world, JOURNAL_GOES);
    assert_shown(world, "away", "no route to host", NULL);
    world_run(world, 1990);
    assert_shown(world, "away", "no route to host", NULL);
    world_run(world, 20);
    assert_shown(world, "away", "no route to host", "The outbox is away");
    world_come_back(world);
    assert_shown(world, "ok", NULL, NULL);
}

/* ---- a start while away ---- */

/* What an earlier life has left is not known yet, and comes first all the same. */
static void test_start(void **state)
{
    cleanup(snapshot_done) struct snapshot snapshot = {0};
    struct world_options options = {.journal = true, .sync_wait_ms = 1000};
    struct world *world = begin_seen(&options, is_away);
    (void)state;

    (void)world_send(world, "users", 1, 1);
    (void)world_send(world, "posts", 2, 1);
    world_run(world, 100);
    world_stop(world);
    world->convex = takes_all;
    world->options.away = true;
    seen.len = 0;
    world_load_routes(world, "{\"users\":{\"mutation\":\"users:syncFromBlade\"}}");
    world_start(world);
    assert_shown(world, "away", "no route to host", "The outbox is away");
    struct sender *refused = world_send(world, "users", 1, 2);
    world_run(world, PATIENCE_MS + 10);
    assert_told(refused, REPLY_UNAVAILABLE, journal_unstored);
    struct sender *taken = world_send(world, "users", 1, 3);
    world_run(world, 100);
    world_come_back(world);
    world_run(world, 2000);
    assert_true(taken->answered && taken->reply != REPLY_UNAVAILABLE);
    assert_int_equal(seen.len, 2);
    assert_int_equal(seen.items[0].number, 1);
    assert_int_equal(seen.items[1].number, 3);
    assert_counts(2, 0, 1);
    assert_shown(world, "ok", NULL, NULL);
    const struct snapshot_route *lost = world_look(world, &snapshot, "posts");
    assert_non_null(lost);
    assert_int_equal(lost->counts->pending, 1);
    struct sender *last = world_send(world, "users", 1, 4);
    world_run(world, 100);
    assert_told(last, REPLY_DELIVERED, "");
}

/* ---- a stop while away ---- */

static void test_stop(void **state)
{
    (void)state;
    struct world *world = begin_seen(&journal, is_away);
    struct sender *stored = world_send(world, "posts", 1, 1);

    world_run(world, 100);
    world_go_away(world, JOURNAL_GOES);
    struct sender *unstored = world_send(world, "posts", 2, 1);
    struct sender *letter = world_post(world, EVENT("other", DATA));
    relay_stopping(world->relay);
    world_run(world, 100);
    assert_false(stored->answered || unstored->answered || letter->answered);
    relay_give_up(world->relay);
    assert_int_equal(stored->reply, REPLY_QUEUED_AFTER);
    assert_told(unstored, REPLY_UNAVAILABLE, "The relay is stopping");
    assert_told(letter, REPLY_UNAVAILABLE, "The relay is stopping");
    assert_told(world_send(world, "posts", 3, 1), REPLY_UNAVAILABLE, "The outbox is away");
    world_stop(world);
    journal_store_come_back(&world->journal);
    world_start(world);
    assert_counts(0, 0, 1);
}

static struct CMUnitTest tests[array_len(patience_rows) + array_len(parcel_rows) +
                               array_len(doubt_rows) + array_len(fate_rows) + 5];

int main(void)
{
    size_t len = cases_add(tests, 0, patience_rows, test_patience);

    len = cases_add(tests, len, doubt_rows, test_doubt);
    len = cases_add(tests, len, fate_rows, test_fate_waits);
    size_t parcels = len;
    len = rows_add(tests, len, parcel_rows, test_parcel_is_given_up);
    while (parcels < len)
        tests[parcels++].teardown_func = end_parcels;
    tests[len++] = (struct CMUnitTest)cmocka_unit_test_teardown(test_others_go_on_while_away, end);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test_teardown(test_bounded_memory, end);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test_teardown(test_what_is_shown, end);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test_teardown(test_start, end);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test_teardown(test_stop, end);
    log_setup(LOG_ERROR + 1, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
