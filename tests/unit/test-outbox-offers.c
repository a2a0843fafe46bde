/* SPDX-License-Identifier: MIT */
/* Offers through the outbox's thread: noticed, read, taken, refused; marks; counts by model. */
#include "tests/unit/lib/any_store.h"
#include "tests/unit/lib/outbox_world.h"
#include "tests/unit/lib/store_connection.h"

#include "outbox/sqlite_lane.h"

/* Letters of users r1, 1 to 4. */
static void world_open_with_letters(struct world *world)
{
    world_open(world);
    for (uint64_t id = 1; id <= 4; id++)
        assert_int_equal(submit_and_wait(world, OUTBOX_BURY, died(id, "x")), 0);
}

static struct op *take_of(struct world *world, uint64_t id, uint64_t new_id)
{
    struct op *op = world_op(world, OUTBOX_TAKE, (struct store_row){.id = id});

    op->op.new_id = new_id;
    op->op.now_ms = 7000;
    outbox_submit(world->outbox, &op->op);
    return op;
}

static void note(void *told)
{
    ++*(int *)told;
}

static void offers_are_told_of_and_read_by_model(void **state)
{
    struct world *world = *state;
    const struct outbox_read offers = {
        .model = SPAN("users"), .offers = true, .rows_max = 2, .bytes_max = 1000};
    struct outbox_read behind = offers;
    struct page page;
    int told = 0;

    world_open_with_letters(world);
    outbox_on_offers(world->outbox, note, &told);
    assert_false(status_of(world).offers);
    offer_beside(world, 1, false);
    run_until(world, told > 0);
    offer_beside(world, 3, true);
    offer_beside(world, 4, false);
    page_submit_and_wait(world, &page, offers);
    assert_string_equal(page.rows, "1 users r1 0; 3 users r1 0"); /* without bodies */
    assert_true(page.more);
    behind.after = 3;
    page_submit_and_wait(world, &page, behind);
    assert_string_equal(page.rows, "4 users r1 0");
    assert_false(page.more);
    behind.model = SPAN("posts");
    page_submit_and_wait(world, &page, behind);
    assert_string_equal(page.rows, "");
    assert_true(status_of(world).offers);
}

/* Without anything else to report. */
static void offers_are_told_of_at_the_start(void **state)
{
    struct world *world = *state;
    int told = 0;

    world_open_with_letters(world);
    world->outbox = outbox_free(world->outbox);
    offer_beside(world, 2, false);
    world_open(world);
    outbox_on_offers(world->outbox, note, &told);
    assert_true(status_of(world).offers);
    run_until(world, told > 0);
}

static void taken_with_their_bodies(void **state)
{
    struct world *world = *state;
    uint64_t new_id;

    world_open_with_letters(world);
    offer_beside(world, 1, false);
    offer_beside(world, 3, true);
    new_id = outbox_next_id(world->outbox);
    struct op *plain = take_of(world, 1, 1);
    struct op *forced = take_of(world, 3, new_id);
    struct op *letter = take_of(world, 2, 2);
    run_until(world, letter->told);
    char should[64];
    assert_int_equal(plain->r, 0);
    assert_string_equal(plain->taken, "1 17");
    assert_int_equal(forced->r, 0);
    assert_true(forced->op.new_id == new_id || any_store_is_journal());
    (void)snprintf(should, sizeof(should), "%llu 17", (unsigned long long)forced->op.new_id);
    assert_string_equal(forced->taken, should);
    assert_int_equal(letter->r, STORE_MISSING);
    assert_string_equal(letter->taken, "");
    assert_int_equal(status_of(world).counts.pending, 2);
    run_until(world, !status_of(world).offers);

    struct page page;
    page_submit_and_wait(
        world, &page,
        (struct outbox_read){.model = SPAN("users"), .upto = 1, .rows_max = 9, .bytes_max = 100});
    assert_string_equal(page.rows, "1 users r1 17");
}

/* What one of them reads is not lost when the batch is tried again. */
static void taken_while_others_fail(void **state)
{
    struct world *world = *state;

    world_open_with_letters(world);
    offer_beside(world, 1, false);
    offer_beside(world, 2, false);
    atomic_store(&world->faults.refused_arrived_ms, row_of(50).arrived_ms);
    atomic_store(&world->faults.refused_with, STORE_FULL);
    struct op *first = take_of(world, 1, 1);
    struct op *refused = submit(world, OUTBOX_APPEND, row_of(50));
    struct op *second = take_of(world, 2, 2);
    run_until(world, second->told);
    assert_int_equal(first->r + second->r, 0);
    assert_string_equal(first->taken, "1 17");
    assert_string_equal(second->taken, "2 17");
    assert_int_equal(refused->r, STORE_FULL);

    offer_beside(world, 3, false);
    fault_store_set(&world->faults, FAULT_COMMIT, STORE_BROKEN);
    struct op *failed = take_of(world, 3, 3);
    run_until(world, failed->told);
    assert_int_equal(failed->r, STORE_BROKEN);
    assert_string_equal(failed->taken, "");
    fault_store_set(&world->faults, FAULT_COMMIT, 0);
    struct op *again = take_of(world, 3, 3);
    run_until(world, again->told);
    assert_string_equal(again->taken, "3 17");
}

static void overtaken_offer_is_a_letter_again(void **state)
{
    struct world *world = *state;

    world_open_with_letters(world);
    offer_beside(world, 1, false);
    assert_int_equal(submit_and_wait(world, OUTBOX_APPEND, row_of(9)), 0);
    submit(world, OUTBOX_DELIVERED, row_of(9));
    struct op *op = take_of(world, 1, 1);
    run_until(world, op->told);
    assert_int_equal(op->r, STORE_STALE);
    assert_string_equal(op->taken, "");
    assert_int_equal(status_of(world).counts.dead, 4);
    assert_int_equal(status_of(world).failing, 0);
}

static void refused_offer_says_why(void **state)
{
    struct world *world = *state;

    world_open_with_letters(world);
    offer_beside(world, 1, true);
    assert_int_equal(submit_and_wait(world, OUTBOX_REFUSE,
                                     (struct store_row){.id = 1, .reason = SPAN("no route")}),
                     0);
    assert_int_equal(status_of(world).counts.dead, 4);
    run_until(world, !status_of(world).offers);
}

static void walk_done(struct outbox_walk *walk, int r)
{
    walk->job.result = r;
    walk->done = NULL;
}

static int walk(struct world *world, struct outbox_walk *at, bool refuse)
{
    at->step = refuse ? OUTBOX_WALK_REFUSE : OUTBOX_WALK_NEXT;
    at->reason = SPAN("no route");
    at->done = walk_done;
    outbox_submit_walk(world->outbox, at);
    run_until(world, !at->done);
    return at->job.result;
}

static void offers_without_a_route_are_walked_through(void **state)
{
    struct world *world = *state;
    struct outbox_walk at = {0};

    world_open_with_letters(world);
    assert_int_equal(submit_and_wait(world, OUTBOX_APPEND, row_of(9)), 0); /* no offer */
    offer_beside(world, 1, false);
    offer_beside(world, 4, true);
    assert_int_equal(walk(world, &at, true), 0); /* those without a model */
    assert_int_equal(at.refused, 0);
    assert_int_equal(walk(world, &at, false), 0);
    assert_same_text(buf_span(&at.model), SPAN("users"));
    assert_int_equal(walk(world, &at, true), 0);
    assert_int_equal(at.refused, 2);
    assert_int_equal(walk(world, &at, true), 0);
    assert_int_equal(at.refused, 0);
    assert_int_equal(walk(world, &at, false), STORE_MISSING);
    assert_int_equal(status_of(world).counts.dead, 4);
    assert_int_equal(status_of(world).counts.pending, 1);
    buf_done(&at.model);
}

/* ---- Letters and marks ---- */

static struct store_row letter_of_r5(void)
{
    struct store_row letter = died(2, "x");

    letter.record = SPAN("r5");
    letter.state = STORE_DEAD;
    return letter;
}

/* Its write is held by the disk, while a newer event of the record is delivered, and withdrawn. */
static void letter_is_one_from_its_submission(void **state)
{
    struct world *world = *state;

    world_open(world);
    assert_int_equal(submit_and_wait(world, OUTBOX_APPEND, row_of(1)), 0);
    assert_false(outbox_may_have_letters(world->outbox, SPAN("users"), SPAN("r5")));
    fault_store_hold(&world->faults);
    struct store_row letter = letter_of_r5();
    struct op *op = submit(world, OUTBOX_APPEND, letter);
    world_turn(world);
    fault_store_await(&world->faults);
    assert_true(outbox_may_have_letters(world->outbox, SPAN("users"), SPAN("r5")));
    assert_int_equal(outbox_delivered_unstored(world->outbox, 3, SPAN("users"), SPAN("r5")), 0);
    assert_int_equal(outbox_stale_marks_owed(world->outbox), 1);
    fault_store_let_go(&world->faults);
    run_until(world, op->told && outbox_stale_marks_owed(world->outbox) == 0);
    struct store *store = world_close(world);
    must_begin(store);
    assert_int_equal(store->ops->offer(store, 2, false), STORE_STALE);
    must_commit(store);
    store->ops->close(store);
}

static void marks_are_owed_until_they_are_on_disk(void **state)
{
    struct world *world = *state;

    world_open_with_letters(world);
    assert_int_equal(outbox_stale_marks_owed(world->outbox), 0);
    fault_store_set(&world->faults, FAULT_COMMIT, STORE_BROKEN);
    assert_int_equal(outbox_delivered_unstored(world->outbox, 8, SPAN("users"), SPAN("r1")), 0);
    assert_int_equal(outbox_delivered_unstored(world->outbox, 9, SPAN("users"), SPAN("r2")), 0);
    run_until(world, status_of(world).failing == STORE_BROKEN);
    assert_int_equal(outbox_stale_marks_owed(world->outbox), 1); /* r2 has no letters */
    fault_store_set(&world->faults, FAULT_COMMIT, 0);
    run_until(world, outbox_stale_marks_owed(world->outbox) == 0);
    offer_beside(world, 4, true); /* which may be, and is the only one that may */
}

/* More events than marks are kept for: no offer may be taken any more, whatever the disk is like.
 */
static void marks_that_are_given_up_stay_owed(void **state)
{
    struct world *world = *state;
    enum { MARKS = 4096 + 2 };

    world_open_with_letters(world);
    fault_store_set(&world->faults, FAULT_COMMIT, STORE_BROKEN);
    for (uint64_t id = 100; id < 100 + MARKS; id++)
        assert_int_equal(outbox_delivered_unstored(world->outbox, id, SPAN("users"), SPAN("r1")),
                         0);
    assert_int_equal(submit_and_wait(world, OUTBOX_APPEND, row_of(7)), STORE_BROKEN); /* the last */
    fault_store_set(&world->faults, FAULT_COMMIT, 0);
    run_until(world, outbox_stale_marks_owed(world->outbox) <= 2);
    run_until(world, status_of(world).failing == 0);
    assert_int_equal(outbox_stale_marks_owed(world->outbox), 2);
}

/* A mending has made a letter of what it could not read whole. */
static void a_mending_makes_letters(void **state)
{
    struct world *world = *state;

    world_open(world);
    assert_int_equal(submit_and_wait(world, OUTBOX_APPEND, row_of(1)), 0);
    assert_false(outbox_may_have_letters(world->outbox, SPAN("users"), SPAN("r5")));
    struct store *beside = folder_open(&world->folder, STORE_BESIDE);
    struct store_row letter = letter_of_r5();
    must_begin(beside);
    assert_int_equal(beside->ops->append(beside, &letter), 0);
    must_commit(beside);
    beside->ops->close(beside);
    assert_false(outbox_may_have_letters(world->outbox, SPAN("users"), SPAN("r5")));
    atomic_store(&world->faults.mends, true);
    /* Until the filter is made anew, any record may have letters. */
    run_until(world, outbox_may_have_letters(world->outbox, SPAN("users"), SPAN("r5")) &&
                         !outbox_may_have_letters(world->outbox, SPAN("users"), SPAN("r6")));
}

/* ---- Counts by model ---- */

static void named(struct outbox_naming *naming, int r)
{
    assert_int_equal(r, 0);
    naming->done = NULL;
}

static void name(struct world *world, struct span model)
{
    struct outbox_naming naming = {.models = &model, .models_len = 1, .done = named};

    outbox_submit_naming(world->outbox, &naming);
    run_until(world, !naming.done);
}

/* "model accepted delivered pending dead;" of each, all others first. */
static const char *tallies_of(struct world *world)
{
    static char text[256];
    struct outbox_tallies tallies;
    size_t len = 0;

    assert_int_equal(outbox_tallies(world->outbox, &tallies), 0);
    for (size_t i = 0; i < tallies.len; i++) {
        const struct store_tally *counts = &tallies.at[i].counts;
        len +=
            (size_t)snprintf(text + len, sizeof(text) - len, "%s %d %d %d %d;",
                             tallies.at[i].model ? tallies.at[i].model : "", (int)counts->accepted,
                             (int)counts->delivered, (int)counts->pending, (int)counts->dead);
    }
    outbox_tallies_done(&tallies);
    return text;
}

static void counts_are_told_by_model(void **state)
{
    struct world *world = *state;
    struct store_row post = row_of(8);

    world_open_with_letters(world);
    assert_string_equal(tallies_of(world), " 4 0 0 4;");
    name(world, SPAN("users"));
    assert_string_equal(tallies_of(world), " 0 0 0 0;users 4 0 0 4;");
    post.model = SPAN("posts");
    assert_int_equal(submit_and_wait(world, OUTBOX_APPEND, post), 0);
    assert_int_equal(submit_and_wait(world, OUTBOX_APPEND, row_of(9)), 0);
    assert_string_equal(tallies_of(world), " 1 0 1 0;users 5 0 1 4;");
    assert_int_equal(submit_and_wait(world, OUTBOX_DELIVERED, row_of(9)), 0);
    assert_string_equal(tallies_of(world), " 1 0 1 0;users 5 1 0 4;");
    offer_beside(world, 1, true);
    run_until(world, status_of(world).counts.dead == 3);
    assert_string_equal(tallies_of(world), " 1 0 1 0;users 5 1 1 3;");
}

/* At once, and once only: before the commit, while the commit fails, and after it. */
static void delivered_unstored_is_seen_at_once(void **state)
{
    struct world *world = *state;

    world_open(world);
    name(world, SPAN("users"));
    fault_store_set(&world->faults, FAULT_COMMIT, STORE_BROKEN);
    assert_int_equal(outbox_delivered_unstored(world->outbox, 1, SPAN("users"), SPAN("r")), 0);
    assert_int_equal(outbox_delivered_unstored(world->outbox, 2, SPAN("posts"), SPAN("r")), 0);
    assert_string_equal(tallies_of(world), " 1 1 0 0;users 1 1 0 0;");
    run_until(world, status_of(world).failing == STORE_BROKEN);
    assert_int_equal(outbox_delivered_unstored(world->outbox, 3, SPAN("users"), SPAN_NULL), 0);
    assert_string_equal(tallies_of(world), " 1 1 0 0;users 2 2 0 0;");
    fault_store_set(&world->faults, FAULT_COMMIT, 0);
    while (status_of(world).counts.delivered < 3) {
        assert_string_equal(tallies_of(world), " 1 1 0 0;users 2 2 0 0;");
        world_turn(world);
    }
    assert_string_equal(tallies_of(world), " 1 1 0 0;users 2 2 0 0;");
    struct store *store = world_close(world);
    assert_int_equal(counts_of(store).delivered, 3);
    store->ops->close(store);
}

/* ---- What a mark costs ---- */

enum { STALE_LETTERS = 100000 };

static int64_t steps_of_delivery(struct store *store, uint64_t id)
{
    struct store_row row = row_of(id);

    must_append(store, row);
    (void)store_cost(store);
    must_begin(store);
    assert_int_equal(store->ops->deliver(store, &row, false), 0);
    must_commit(store);
    struct store_cost cost = store_cost(store);
    assert_int_equal(cost.scan_steps, 0);
    return cost.steps;
}

/* Of users r1, from 2 on, and far behind them; without bodies, and without counting. */
static void add_many_letters(const struct folder *folder)
{
    char sql[512];

    (void)snprintf(
        sql, sizeof(sql),
        "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i <= %d)"
        " INSERT INTO event (id, state, stale, attempts, arrived_ms, since_ms, tried_ms, died_ms,"
        "  model, record, lane)"
        " SELECT i + 1000000 * (i %% 100 = 0), 1, 0, 0, 1, 1, 0, 1, CAST('users' AS BLOB),"
        "  CAST('r1' AS BLOB), %lld FROM n",
        STALE_LETTERS, (long long)sqlite_lane_of(SPAN("users"), SPAN("r1")));
    run_sql(folder, sql);
}

/* What is stale already is not looked at, nor what is newer. */
static void many_letters_of_a_record_cost_nothing_once_they_are_stale(void **state)
{
    struct store *store = folder_open(*state, STORE_SERVE);
    int64_t none = steps_of_delivery(store, 1);

    add_many_letters(*state);
    assert_true(steps_of_delivery(store, 2 * STALE_LETTERS) > STALE_LETTERS);
    assert_true(steps_of_delivery(store, 2 * STALE_LETTERS + 1) <= none + 8);
    store->ops->close(store);
}

static const struct CMUnitTest tests[] = {
    world_test(offers_are_told_of_and_read_by_model),
    world_test(offers_are_told_of_at_the_start),
    world_test(taken_with_their_bodies),
    world_test(taken_while_others_fail),
    world_test(overtaken_offer_is_a_letter_again),
    world_test(refused_offer_says_why),
    world_test(offers_without_a_route_are_walked_through),
    world_test(counts_are_told_by_model),
    /* In a journal any record may have letters, and nothing is delivered unstored. */
    world_test(letter_is_one_from_its_submission),
    world_test(marks_are_owed_until_they_are_on_disk),
    world_test(marks_that_are_given_up_stay_owed),
    world_test(a_mending_makes_letters),
    world_test(delivered_unstored_is_seen_at_once),
    cmocka_unit_test_setup_teardown(many_letters_of_a_record_cost_nothing_once_they_are_stale,
                                    folder_setup, folder_teardown),
};

int main(void)
{
    return any_store_run(tests, array_len(tests), 6);
}
