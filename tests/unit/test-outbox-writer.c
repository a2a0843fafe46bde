/* SPDX-License-Identifier: MIT */
/* The outbox's thread: order, transactions, withdrawal, failures and recovery, the end. */
#include "tests/unit/lib/outbox_world.h"

#include "outbox/outbox_ids.h"

static const struct store_filter everything = {.last = STORE_FORCED, .bare = true};

/* ---- Order and transactions ---- */

static void result_comes_when_it_is_on_disk(void **state)
{
    struct world *world = *state;

    world_open(world);
    fault_store_hold(&world->faults);
    struct op *op = submit(world, OUTBOX_APPEND, row_of(1));
    world_turn(world);
    fault_store_await(&world->faults);
    world_turn(world);
    assert_int_equal(op->told, 0);
    fault_store_let_go(&world->faults);
    run_until(world, op->told);
    assert_int_equal(op->r, 0);
    assert_int_equal(status_of(world).counts.pending, 1);

    struct store *beside = folder_open(&world->folder, STORE_BESIDE);
    assert_string_equal(ids_of(beside, everything), "1");
    beside->ops->close(beside);
}

/* While one commit lasts, everything gathers for the next one. */
static void what_gathers_is_committed_at_once(void **state)
{
    struct world *world = *state;

    world_open(world);
    fault_store_hold(&world->faults);
    submit(world, OUTBOX_APPEND, row_of(1));
    world_turn(world);
    fault_store_await(&world->faults);
    for (uint64_t id = 2; id <= 1000; id++) {
        submit(world, OUTBOX_APPEND, row_of(id));
        if (id % 100 == 0)
            world_turn(world);
    }
    world_turn(world);
    fault_store_let_go(&world->faults);
    run_until(world, world->told == 1000);
    assert_int_equal(world->faults.calls[FAULT_COMMIT], 2);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(world->ops[i].place, i + 1);
        assert_int_equal(world->ops[i].r, 0);
    }
    assert_int_equal(status_of(world).counts.pending, 1000);
}

static void one_turn_is_one_transaction(void **state)
{
    struct world *world = *state;

    world_open(world);
    for (uint64_t id = 1; id <= 300; id++)
        submit(world, OUTBOX_APPEND, row_of(id));
    run_until(world, world->told == 300);
    assert_int_equal(world->faults.calls[FAULT_COMMIT], 1);
}

static void changes_take_effect_in_order(void **state)
{
    struct world *world = *state;
    struct store_row forced = died(2, "x");

    world_open(world);
    submit(world, OUTBOX_APPEND, row_of(1));
    submit(world, OUTBOX_APPEND, row_of(2));
    submit(world, OUTBOX_NOTE_FAILURE, tried(1, 1, "overloaded"));
    submit(world, OUTBOX_BURY, forced);
    submit(world, OUTBOX_DELIVERED, row_of(1));
    run_until(world, world->told == 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(world->ops[i].r, 0);
    assert_int_equal(status_of(world).counts.delivered, 1);
    assert_int_equal(status_of(world).counts.dead, 1);
    assert_int_equal(status_of(world).counts.pending, 0);
}

static void large_bodies_do_not_share_a_transaction(void **state)
{
    static char body[20 << 20];
    struct world *world = *state;

    memset(body, 'x', sizeof(body));
    world_open(world);
    for (uint64_t id = 1; id <= 3; id++) {
        struct store_row row = row_of(id);
        row.body = (struct span){body, sizeof(body)};
        submit(world, OUTBOX_APPEND, row);
    }
    run_until(world, world->told == 3);
    assert_int_equal(world->faults.calls[FAULT_COMMIT], 3);
    assert_int_equal(status_of(world).counts.pending, 3);
}

static uint64_t mark_beside(struct world *world)
{
    struct store *beside = folder_open(&world->folder, STORE_BESIDE);
    uint64_t mark;

    assert_int_equal(beside->ops->id_mark(beside, &mark), 0);
    beside->ops->close(beside);
    return mark;
}

static void ids_go_on_where_they_were(void **state)
{
    struct world *world = *state;

    world_open(world);
    uint64_t first = outbox_next_id(world->outbox);
    uint64_t last = outbox_next_id(world->outbox);
    assert_true(first >= OUTBOX_IDS_FROM && first < last);
    assert_int_equal(submit_and_wait(world, OUTBOX_APPEND, row_of(first)), 0);
    assert_int_equal(mark_beside(world), last + OUTBOX_IDS_AHEAD); /* as a crash would leave it */
    world->outbox = outbox_free(world->outbox);
    assert_int_equal(mark_beside(world), last);
    world_open(world);
    assert_true(outbox_next_id(world->outbox) > last);
}

/* Of one that was given behind the mark, nothing else would tell after a crash. */
static void event_past_the_mark_is_not_withdrawn(void **state)
{
    struct world *world = *state;

    world_open(world);
    struct op *first = submit(world, OUTBOX_APPEND, row_of(outbox_next_id(world->outbox)));
    assert_false(outbox_withdraw(world->outbox, &first->op));
    run_until(world, first->told);
    uint64_t mark = mark_beside(world);
    struct op *covered = submit(world, OUTBOX_APPEND, row_of(mark));
    struct op *past = submit(world, OUTBOX_APPEND, row_of(mark + 1));
    assert_false(outbox_withdraw(world->outbox, &past->op));
    assert_true(outbox_withdraw(world->outbox, &covered->op));
    run_until(world, past->told);
    assert_int_equal(covered->told, 0);
}

/* ---- Withdrawal ---- */

/* With a mark that covers all small ids. */
static void world_open_marked(struct world *world)
{
    world_open(world);
    assert_int_equal(submit_and_wait(world, OUTBOX_APPEND, row_of(1000000)), 0);
    assert_int_equal(submit_and_wait(world, OUTBOX_DELIVERED, row_of(1000000)), 0);
}

static void withdrawn_before_it_went_to_the_writer(void **state)
{
    struct world *world = *state;

    world_open_marked(world);
    struct op *kept = submit(world, OUTBOX_APPEND, row_of(1));
    struct op *withdrawn = submit(world, OUTBOX_APPEND, row_of(2));
    assert_true(outbox_withdraw(world->outbox, &withdrawn->op));
    run_until(world, kept->told);
    struct store *store = world_close(world);
    assert_int_equal(withdrawn->told, 0);
    assert_string_equal(ids_of(store, everything), "1");
    store->ops->close(store);
}

static void withdrawn_before_the_writer_took_it(void **state)
{
    struct world *world = *state;

    world_open_marked(world);
    fault_store_hold(&world->faults);
    struct op *taken = submit(world, OUTBOX_APPEND, row_of(1));
    world_turn(world);
    fault_store_await(&world->faults);
    struct op *first = submit(world, OUTBOX_APPEND, row_of(2));
    struct op *kept = submit(world, OUTBOX_APPEND, row_of(3));
    struct op *last = submit(world, OUTBOX_APPEND, row_of(4));
    world_turn(world);
    assert_true(outbox_withdraw(world->outbox, &first->op));
    assert_true(outbox_withdraw(world->outbox, &last->op));
    assert_false(outbox_withdraw(world->outbox, &taken->op));
    fault_store_let_go(&world->faults);
    run_until(world, taken->told && kept->told);
    struct store *store = world_close(world);
    assert_int_equal(first->told + last->told, 0);
    assert_string_equal(ids_of(store, everything), "1 3");
    store->ops->close(store);
}

static void too_late_to_withdraw_what_is_done(void **state)
{
    struct world *world = *state;

    world_open(world);
    struct op *op = submit(world, OUTBOX_APPEND, row_of(1));
    world_turn(world);
    run_until(world, status_of(world).counts.pending == 1 || op->told);
    if (!op->told) /* done, but not told yet */
        assert_false(outbox_withdraw(world->outbox, &op->op));
    run_until(world, op->told);
}

/* ---- Failures ---- */

static void full_store_refuses_new_events_only(void **state)
{
    struct world *world = *state;

    world_open(world);
    submit(world, OUTBOX_APPEND, row_of(1));
    assert_int_equal(submit_and_wait(world, OUTBOX_APPEND, row_of(2)), 0);
    int commits = world->faults.calls[FAULT_COMMIT];

    fault_store_set(&world->faults, FAULT_APPEND, STORE_FULL);
    struct op *first = submit(world, OUTBOX_APPEND, row_of(3));
    struct op *delivered = submit(world, OUTBOX_DELIVERED, row_of(1));
    struct op *second = submit(world, OUTBOX_APPEND, row_of(4));
    struct op *buried = submit(world, OUTBOX_BURY, died(2, "x"));
    run_until(world, world->told == 6);
    assert_int_equal(first->r, STORE_FULL);
    assert_int_equal(delivered->r, 0);
    assert_int_equal(second->r, STORE_FULL);
    assert_int_equal(buried->r, 0);
    assert_int_equal(world->faults.calls[FAULT_COMMIT], commits + 1);
    assert_int_equal(status_of(world).failing, STORE_FULL);
    assert_int_equal(status_of(world).counts.dead, 1);

    fault_store_set(&world->faults, FAULT_APPEND, 0);
    assert_int_equal(submit_and_wait(world, OUTBOX_APPEND, row_of(5)), 0);
    assert_int_equal(status_of(world).failing, 0);
}

static void assert_one_refused(struct world *world, int with, bool late)
{
    world_open(world);
    assert_int_equal(submit_and_wait(world, OUTBOX_APPEND, row_of(1)), 0);
    atomic_store(&world->faults.refused_id, 5);
    atomic_store(&world->faults.refused_with, with);
    atomic_store(&world->faults.refused_late, late);
    for (uint64_t id = 2; id <= 9; id++)
        submit(world, OUTBOX_APPEND, row_of(id));
    submit(world, OUTBOX_DELIVERED, row_of(1));
    run_until(world, world->told == 10);
    for (size_t i = 0; i < world->len; i++) {
        assert_int_equal(world->ops[i].r, world->ops[i].op.row.id == 5 ? with : 0);
        assert_int_equal(world->ops[i].place, i + 1);
    }
    struct store *store = world_close(world);
    assert_string_equal(ids_of(store, everything), "2 3 4 6 7 8 9");
    store->ops->close(store);
}

static void spoiler_is_found_when_the_disk_is_full(void **state)
{
    assert_one_refused(*state, STORE_FULL, false);
}

static void spoiler_is_found_when_the_disk_is_full_at_the_end(void **state)
{
    assert_one_refused(*state, STORE_FULL, true);
}

static void spoiler_is_found_when_it_cannot_be_taken(void **state)
{
    assert_one_refused(*state, STORE_REFUSED, false);
}

static void spoiler_is_found_when_memory_is_short(void **state)
{
    assert_one_refused(*state, -ENOMEM, false);
}

static void broken_store_fails_everything_and_recovers(void **state)
{
    static const enum fault_call calls[] = {FAULT_BEGIN, FAULT_COMMIT};
    struct world *world = *state;
    uint64_t id = 1;

    world_open(world);
    for (size_t i = 0; i < array_len(calls); i++) {
        fault_store_set(&world->faults, calls[i], STORE_BROKEN);
        struct op *a = submit(world, OUTBOX_APPEND, row_of(id++));
        struct op *b = submit(world, OUTBOX_APPEND, row_of(id++));
        run_until(world, a->told && b->told);
        assert_int_equal(a->r, STORE_BROKEN);
        assert_int_equal(b->r, STORE_BROKEN);
        assert_int_equal(status_of(world).failing, STORE_BROKEN);
        assert_int_equal(status_of(world).counts.pending, i);

        fault_store_set(&world->faults, calls[i], 0);
        assert_int_equal(submit_and_wait(world, OUTBOX_APPEND, row_of(id++)), 0);
        assert_int_equal(status_of(world).failing, 0);
        assert_int_equal(status_of(world).counts.pending, i + 1);
    }
}

/* While nobody submits anything, the writer finds out by itself. */
static void idle_writer_notices_that_the_store_is_well(void **state)
{
    struct world *world = *state;

    world_open(world);
    fault_store_set(&world->faults, FAULT_APPEND, STORE_FULL);
    assert_int_equal(submit_and_wait(world, OUTBOX_APPEND, row_of(1)), STORE_FULL);
    assert_int_equal(status_of(world).failing, STORE_FULL);
    fault_store_set(&world->faults, FAULT_APPEND, STORE_BROKEN);
    run_until(world, status_of(world).failing == STORE_BROKEN);
    fault_store_set(&world->faults, FAULT_APPEND, 0);
    run_until(world, status_of(world).failing == 0);
    assert_int_equal(status_of(world).counts.accepted, 0);
}

/* What can be written but not committed is not written. */
static void idle_writer_is_not_deceived(void **state)
{
    struct world *world = *state;

    world_open(world);
    fault_store_set(&world->faults, FAULT_COMMIT, STORE_BROKEN);
    assert_int_equal(submit_and_wait(world, OUTBOX_APPEND, row_of(1)), STORE_BROKEN);
    int tries = atomic_load(&world->faults.calls[FAULT_APPEND]);
    run_until(world, atomic_load(&world->faults.calls[FAULT_APPEND]) >= tries + 2);
    assert_int_equal(status_of(world).failing, STORE_BROKEN);
    fault_store_set(&world->faults, FAULT_COMMIT, 0);
    run_until(world, status_of(world).failing == 0);
}

static void event_that_is_missing_is_no_fault_of_the_store(void **state)
{
    struct world *world = *state;

    world_open(world);
    struct op *op = submit(world, OUTBOX_DELIVERED, row_of(9));
    run_until(world, op->told);
    assert_int_equal(op->r, 0);
    assert_true(op->op.missing);
    assert_int_equal(submit_and_wait(world, OUTBOX_NOTE_FAILURE, tried(9, 1, "x")), STORE_MISSING);
    assert_int_equal(submit_and_wait(world, OUTBOX_TAKE, row_of(9)), STORE_MISSING);
    assert_int_equal(submit_and_wait(world, OUTBOX_REFUSE, tried(9, 1, "x")), STORE_MISSING);
    assert_int_equal(status_of(world).counts.accepted, 0);
    assert_int_equal(status_of(world).failing, 0);
}

static void letter_whose_append_has_failed_is_stored_as_one(void **state)
{
    struct world *world = *state;

    world_open(world);
    fault_store_set(&world->faults, FAULT_APPEND, STORE_FULL);
    submit(world, OUTBOX_APPEND, row_of(1));
    submit(world, OUTBOX_BURY, died(1, "x"));
    submit(world, OUTBOX_BURY, died(1, "x"));
    run_until(world, world->told == 3);
    assert_int_equal(world->ops[0].r, STORE_FULL);
    assert_int_equal(world->ops[1].r, 0);
    assert_int_equal(world->ops[2].r, 0);
    assert_int_equal(status_of(world).counts.accepted, 1);
    assert_int_equal(status_of(world).counts.dead, 1);
}

/* ---- All at once ---- */

/* Submissions, withdrawals and readings while the writer is at work: each event ends in one way. */
static void withdrawals_race_with_the_writer(void **state)
{
    struct world *world = *state;
    enum { EVENTS = 3000 };
    static bool withdrawn[EVENTS + 1];
    struct page page = {0};
    uint64_t pending = 0;

    world_open(world);
    page_submit(world, &page, (struct outbox_read){.model = SPAN("users"), .rows_max = 8});
    for (uint64_t id = 1; id <= EVENTS; id++) {
        submit(world, OUTBOX_APPEND, row_of(id));
        if (id % 3 == 0)
            world_turn(world);
        if (id > 4 && id % 2 == 0) {
            struct op *op = &world->ops[id - 5];
            withdrawn[id - 4] = !op->told && outbox_withdraw(world->outbox, &op->op);
        }
        (void)outbox_delivered_unstored(world->outbox, EVENTS + id, SPAN("users"), SPAN("r9"));
    }
    for (uint64_t id = 1; id <= EVENTS; id++) {
        run_until(world, withdrawn[id] || world->ops[id - 1].told);
        pending += !withdrawn[id];
    }
    run_until(world, page.told && status_of(world).counts.delivered == EVENTS);
    for (uint64_t id = 1; id <= EVENTS; id++)
        assert_int_equal(world->ops[id - 1].told, withdrawn[id] ? 0 : 1);
    struct store *store = world_close(world);
    assert_int_equal(counts_of(store).pending, pending);
    store->ops->close(store);
}

/* ---- The end ---- */

static void everything_submitted_is_tried_before_the_end(void **state)
{
    struct world *world = *state;
    struct page page;

    world_open(world);
    fault_store_hold(&world->faults);
    submit(world, OUTBOX_APPEND, row_of(1));
    world_turn(world);
    fault_store_await(&world->faults);
    for (uint64_t id = 2; id <= 5000; id++)
        submit(world, OUTBOX_APPEND, row_of(id));
    page_submit(world, &page, (struct outbox_read){.model = SPAN("users"), .rows_max = 100});
    (void)outbox_delivered_unstored(world->outbox, 6000, SPAN("users"), SPAN("r1"));
    fault_store_let_go(&world->faults);
    struct store *store = world_close(world);
    assert_int_equal(world->told + page.told, 0);
    assert_int_equal(counts_of(store).pending, 5000);
    assert_int_equal(counts_of(store).delivered, 1);
    store->ops->close(store);
}

static const struct CMUnitTest tests[] = {
    world_test(result_comes_when_it_is_on_disk),
    world_test(what_gathers_is_committed_at_once),
    world_test(one_turn_is_one_transaction),
    world_test(changes_take_effect_in_order),
    world_test(large_bodies_do_not_share_a_transaction),
    world_test(ids_go_on_where_they_were),
    world_test(event_past_the_mark_is_not_withdrawn),
    world_test(withdrawn_before_it_went_to_the_writer),
    world_test(withdrawn_before_the_writer_took_it),
    world_test(too_late_to_withdraw_what_is_done),
    world_test(full_store_refuses_new_events_only),
    world_test(spoiler_is_found_when_the_disk_is_full),
    world_test(spoiler_is_found_when_the_disk_is_full_at_the_end),
    world_test(spoiler_is_found_when_it_cannot_be_taken),
    world_test(spoiler_is_found_when_memory_is_short),
    world_test(broken_store_fails_everything_and_recovers),
    world_test(idle_writer_notices_that_the_store_is_well),
    world_test(idle_writer_is_not_deceived),
    world_test(event_that_is_missing_is_no_fault_of_the_store),
    world_test(letter_whose_append_has_failed_is_stored_as_one),
    world_test(withdrawals_race_with_the_writer),
    world_test(everything_submitted_is_tried_before_the_end),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
