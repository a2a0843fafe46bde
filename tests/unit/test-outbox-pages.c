/* SPDX-License-Identifier: MIT */
/* What the outbox's thread reads, replays that it takes up, and events that were never stored. */
#include <errno.h>

#include "tests/unit/lib/any_store.h"
#include "tests/unit/lib/outbox_world.h"

static void fill(struct world *world)
{
    for (uint64_t id = 1; id <= 6; id++) {
        struct store_row row = row_of(id);
        if (id == 3)
            row.model = SPAN("posts");
        submit(world, OUTBOX_APPEND, row);
    }
    if (any_store_is_journal())
        run_until(world, world->told == 6);
}

/* ---- Pages ---- */

struct page_case {
    const char *name;
    struct outbox_read read;
    const char *rows;
    bool more;
};

/* 1 to 6 of users r1, with bodies of 17 bytes; 3 is of posts. */
static struct page_case page_cases[] = {
    {"all of a model",
     {.model = TEXT("users"), .rows_max = 10, .bytes_max = 1000},
     "1 users r1 17; 2 users r1 17; 4 users r1 17; 5 users r1 17; 6 users r1 17",
     false},
    {"as many as there are",
     {.model = TEXT("users"), .rows_max = 5, .bytes_max = 85},
     "1 users r1 17; 2 users r1 17; 4 users r1 17; 5 users r1 17; 6 users r1 17",
     false},
    {"so many rows",
     {.model = TEXT("users"), .after = 1, .rows_max = 2, .bytes_max = 1000},
     "2 users r1 17; 4 users r1 17",
     true},
    {"so many bytes",
     {.model = TEXT("users"), .rows_max = 10, .bytes_max = 50},
     "1 users r1 17; 2 users r1 17",
     true},
    {"the first comes whatever its size",
     {.model = TEXT("users"), .after = 4, .rows_max = 10, .bytes_max = 1},
     "5 users r1 17",
     true},
    {"behind the last", {.model = TEXT("users"), .after = 6, .rows_max = 9}, "", false},
    {"an unknown model", {.model = TEXT("tags"), .rows_max = 9}, "", false},
};

static void page_holds(void **state)
{
    const struct page_case *page_case = *state;
    struct world *world = NULL;
    struct page page;

    world_setup((void **)&world);
    world_open(world);
    fill(world);
    page_submit_and_wait(world, &page, page_case->read);
    assert_int_equal(page.r, 0);
    assert_string_equal(page.rows, page_case->rows);
    assert_int_equal(page.more, page_case->more);
    assert_int_equal(page.place, 7); /* told after what was submitted before it */
    world_teardown((void **)&world);
}

static void page_is_as_of_its_place_in_the_queue(void **state)
{
    struct world *world = *state;
    struct outbox_read read = {.model = SPAN("users"), .rows_max = 10, .bytes_max = 1000};
    struct page before, after;

    world_open(world);
    struct op *first = submit(world, OUTBOX_APPEND, row_of(1));
    if (any_store_is_journal())
        run_until(world, first->told);
    page_submit(world, &before, read);
    submit(world, OUTBOX_DELIVERED, row_of(1));
    submit(world, OUTBOX_APPEND, row_of(2));
    page_submit(world, &after, read);
    run_until(world, after.told);
    assert_string_equal(before.rows, "1 users r1 17");
    assert_string_equal(after.rows, "2 users r1 17");
    assert_int_equal(before.place, 2);
    assert_int_equal(after.place, 5);
}

static void failed_page_says_so(void **state)
{
    struct world *world = *state;
    struct page page;

    world_open(world);
    fill(world);
    run_until(world, world->told == 6);
    fault_store_set(&world->faults, FAULT_READ, STORE_BROKEN);
    page_submit_and_wait(world, &page, (struct outbox_read){.model = SPAN("users"), .rows_max = 9});
    assert_int_equal(page.r, STORE_BROKEN);
    assert_string_equal(page.rows, "");
}

/* Whoever asks whether the store is well learns of it, though what is written goes well. */
static void store_that_cannot_be_read_is_not_well(void **state)
{
    struct world *world = *state;
    const struct outbox_read read = {.model = SPAN("users"), .rows_max = 9, .bytes_max = 1000};
    struct page page;

    world_open(world);
    assert_false(status_of(world).unreadable);
    fault_store_set(&world->faults, FAULT_READ, STORE_BROKEN);
    page_submit_and_wait(world, &page, read);
    assert_int_equal(submit_and_wait(world, OUTBOX_APPEND, row_of(1)), 0);
    assert_true(status_of(world).unreadable);
    assert_int_equal(status_of(world).failing, 0);
    fault_store_set(&world->faults, FAULT_READ, 0);
    page_submit_and_wait(world, &page, read);
    assert_int_equal(page.r, 0);
    run_until(world, !status_of(world).unreadable);
}

/* ---- Replays ---- */

static void bury_three(struct world *world)
{
    struct store_row post = died(3, "x");

    fill(world);
    post.model = SPAN("posts");
    submit(world, OUTBOX_BURY, died(1, "x"));
    submit(world, OUTBOX_BURY, post);
    submit(world, OUTBOX_BURY, died(4, "x"));
    run_until(world, world->told == 9);
}

static void note_replays(void *told)
{
    ++*(int *)told;
}

/* Without anything else to report. */
static void replays_are_told_of(void **state)
{
    struct world *world = *state;
    int told = 0;

    world_open(world);
    bury_three(world);
    outbox_on_offers(world->outbox, note_replays, &told);
    offer_beside(world, 1, false);
    run_until(world, told > 0);
    assert_true(status_of(world).offers);
}

/* ---- Events that were never stored ---- */

/* The writer reads which records have letters before it does anything else. */
static void world_open_and_load(struct world *world)
{
    struct page page;

    world_open(world);
    page_submit_and_wait(world, &page, (struct outbox_read){.model = SPAN("users")});
    assert_int_equal(page.r, 0);
}

static void events_never_stored_are_counted_soon(void **state)
{
    struct world *world = *state;

    world_open_and_load(world);
    for (uint64_t id = 1; id <= 500; id++)
        (void)outbox_delivered_unstored(world->outbox, id, SPAN("users"), SPAN("r1"));
    run_until(world, status_of(world).counts.delivered == 500);
    assert_int_equal(status_of(world).counts.accepted, 500);
    assert_int_equal(world->faults.calls[FAULT_MARK_STALE], 0);
    assert_in_range(world->faults.calls[FAULT_COMMIT], 1, 3);
}

static void count_survives_a_failing_store(void **state)
{
    struct world *world = *state;

    world_open(world);
    fault_store_set(&world->faults, FAULT_COMMIT, STORE_BROKEN);
    (void)outbox_delivered_unstored(world->outbox, 1, SPAN("users"), SPAN("r1"));
    run_until(world, status_of(world).failing == STORE_BROKEN);
    (void)outbox_delivered_unstored(world->outbox, 2, SPAN("users"), SPAN("r1"));
    fault_store_set(&world->faults, FAULT_COMMIT, 0);
    run_until(world, status_of(world).counts.delivered == 2);
}

static void assert_overtaken(struct world *world, struct span model, struct span record, int calls)
{
    uint64_t delivered = status_of(world).counts.delivered;

    (void)outbox_delivered_unstored(world->outbox, 100, model, record);
    run_until(world, status_of(world).counts.delivered == delivered + 1);
    assert_int_equal(world->faults.calls[FAULT_MARK_STALE], calls);
}

static int deliver_unstored(struct world *world, struct store_row row)
{
    struct op *op = &world->ops[world->len++];

    *op =
        (struct op){.op = {.kind = OUTBOX_DELIVERED, .row = row, .unstored = true, .done = op_done},
                    .world = world};
    outbox_submit(world->outbox, &op->op);
    run_until(world, op->told);
    return op->r;
}

static void overtaking_can_be_waited_for(void **state)
{
    struct world *world = *state;
    struct store_row row = row_of(9);

    world_open(world);
    bury_three(world);
    assert_int_equal(deliver_unstored(world, row), 0);
    assert_int_equal(status_of(world).counts.delivered, 1);
    assert_int_equal(status_of(world).counts.accepted, 7);
    fault_store_set(&world->faults, FAULT_DELIVERED, STORE_BROKEN);
    assert_int_equal(deliver_unstored(world, row), STORE_BROKEN);
    assert_int_equal(status_of(world).counts.delivered, 1);
    struct store *store = world_close(world);
    must_begin(store);
    assert_int_equal(store->ops->offer(store, 1, false), STORE_STALE);
    must_commit(store);
    store->ops->close(store);
}

/* Only a record that has dead letters costs a write. */
static void letters_become_stale_at_little_cost(void **state)
{
    struct world *world = *state;
    struct store_row dead = row_of(7);

    world_open(world);
    bury_three(world);
    assert_overtaken(world, SPAN("users"), SPAN("r2"), 0);
    assert_overtaken(world, SPAN("users"), SPAN("r1"), 1);
    dead.state = STORE_DEAD;
    dead.record = SPAN("r2");
    assert_int_equal(submit_and_wait(world, OUTBOX_APPEND, dead), 0);
    assert_overtaken(world, SPAN("users"), SPAN("r2"), 2);
    assert_overtaken(world, SPAN("users"), SPAN_NULL, 2);
    assert_overtaken(world, SPAN_NULL, SPAN("r1"), 2);

    world->outbox = outbox_free(world->outbox); /* what is on disk is known after a start, too */
    world_open_and_load(world);
    assert_overtaken(world, SPAN("tags"), SPAN("r1"), 0);
    assert_overtaken(world, SPAN("posts"), SPAN("r1"), 1);

    struct store *store = world_close(world);
    must_begin(store);
    assert_int_equal(store->ops->offer(store, 1, false), STORE_STALE);
    assert_int_equal(store->ops->offer(store, 3, false), STORE_STALE);
    assert_int_equal(store->ops->offer(store, 7, false), STORE_STALE);
    must_commit(store);
    store->ops->close(store);
}

static const struct CMUnitTest plain_tests[] = {
    world_test(page_is_as_of_its_place_in_the_queue),
    world_test(failed_page_says_so),
    world_test(store_that_cannot_be_read_is_not_well),
    world_test(replays_are_told_of),
    /* In a journal nothing is delivered unstored. */
    world_test(events_never_stored_are_counted_soon),
    world_test(count_survives_a_failing_store),
    world_test(overtaking_can_be_waited_for),
    world_test(letters_become_stale_at_little_cost),
};

int main(void)
{
    static struct CMUnitTest tests[array_len(page_cases) + array_len(plain_tests)];

    memcpy(&tests[rows_add(tests, 0, page_cases, page_holds)], plain_tests, sizeof(plain_tests));
    return any_store_run(tests, array_len(tests), 4);
}
