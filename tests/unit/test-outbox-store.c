/* SPDX-License-Identifier: MIT */
/* What every store promises, whatever it is made of. */
#include "tests/unit/lib/any_store.h"

static void assert_counts(struct store *store, uint64_t delivered, uint64_t discarded,
                          uint64_t pending, uint64_t dead)
{
    struct store_counts counts = counts_of(store);

    assert_int_equal(counts.delivered, delivered);
    assert_int_equal(counts.discarded, discarded);
    assert_int_equal(counts.pending, pending);
    assert_int_equal(counts.dead, dead);
}

/* A journal's ids rise by the database's clock, whatever ids there were. */
static void assert_mark(struct store *store, uint64_t should)
{
    uint64_t mark;

    assert_int_equal(store->ops->id_mark(store, &mark), 0);
    if (store->journal)
        assert_true(mark >= should);
    else
        assert_int_equal(mark, should);
}

/* ---- Transactions ---- */

static void rollback_undoes_everything(void **state)
{
    struct store *store = ((struct any_store *)*state)->store;
    struct store_row row = row_of(2), gone = row_of(1);

    must_append(store, row_of(1));
    must_begin(store);
    assert_int_equal(store->ops->append(store, &row), 0);
    assert_int_equal(store->ops->deliver(store, &gone, false), 0);
    assert_int_equal(store->ops->count_delivered(store, SPAN_NULL, 5), 0);
    assert_counts(store, 6, 0, 1, 0);
    store->ops->rollback(store);
    assert_only_row(store, row_of(1));
    assert_counts(store, 0, 0, 1, 0);
    assert_mark(store, 1);
}

static void id_used_before_spoils_the_transaction(void **state)
{
    struct store *store = ((struct any_store *)*state)->store;
    struct store_row again = row_of(1), other = row_of(2);

    must_append(store, row_of(1));
    must_begin(store);
    assert_int_equal(store->ops->append(store, &other), 0);
    assert_int_equal(store->ops->append(store, &again), store->journal ? 0 : -EEXIST);
    assert_int_equal(store->ops->commit(store), -EEXIST);
    assert_only_row(store, row_of(1));
    must_append(store, row_of(2));
    assert_string_equal(ids_of(store, everything), "1 2");
}

static void id_beyond_the_highest_is_refused(void **state)
{
    struct store *store = ((struct any_store *)*state)->store;
    struct store_row row = row_of(UINT64_C(1) << 56);

    must_begin(store);
    assert_int_equal(store->ops->append(store, &row), -EINVAL);
    assert_int_equal(store->ops->commit(store), -EINVAL);
    assert_string_equal(ids_of(store, everything), "");
}

static void missing_rows_spoil_nothing(void **state)
{
    struct store *store = ((struct any_store *)*state)->store;
    struct store_row row = row_of(1), missing = died(9, "x");

    must_begin(store);
    assert_int_equal(store->ops->append(store, &row), 0);
    assert_int_equal(store->ops->deliver(store, &missing, false), any_store_missing());
    assert_int_equal(store->ops->note_failure(store, &missing), any_store_missing());
    assert_int_equal(store->ops->offer(store, 9, true), STORE_MISSING);
    assert_int_equal(store->ops->take_offer(store, 9, &(uint64_t){9}, 1), STORE_MISSING);
    assert_int_equal(store->ops->refuse(store, 9, SPAN("x")), STORE_MISSING);
    assert_int_equal(store->ops->discard(store, 9), STORE_MISSING);
    must_commit(store);
    assert_counts(store, 0, 0, 1, 0);
}

/* ---- An event's ways ---- */

static void delivered_event_leaves_its_count(void **state)
{
    struct store *store = ((struct any_store *)*state)->store;
    struct store_row gone = row_of(1);

    must_append(store, row_of(1));
    must_deliver(store, 1);
    assert_string_equal(ids_of(store, everything), "");
    assert_counts(store, 1, 0, 0, 0);
    must_begin(store);
    assert_int_equal(store->ops->deliver(store, &gone, false), any_store_missing());
    must_commit(store);
    assert_counts(store, 1, 0, 0, 0);
}

static void event_keeps_what_was_tried(void **state)
{
    struct store *store = ((struct any_store *)*state)->store;
    struct store_row row = row_of(1), attempt = tried(1, 4, "overloaded");

    must_append(store, row);
    must_begin(store);
    assert_int_equal(store->ops->note_failure(store, &attempt), 0);
    must_commit(store);
    row.attempts = 4;
    row.tried_ms = 5000;
    row.reason = SPAN("overloaded");
    assert_only_row(store, row);
}

static void buried_event_keeps_its_reason(void **state)
{
    struct store *store = ((struct any_store *)*state)->store;
    struct store_row row = row_of(1), death = died(1, "ArgumentValidationError");

    must_append(store, row);
    death.stale = true;
    must_bury(store, death);
    row.state = STORE_DEAD;
    row.attempts = 3;
    row.tried_ms = 5000;
    row.died_ms = 6000;
    row.stale = true;
    row.reason = SPAN("ArgumentValidationError");
    assert_only_row(store, row);
    assert_counts(store, 0, 0, 0, 1);

    must_begin(store); /* the dead are not tried */
    assert_int_equal(store->ops->note_failure(store, &death), any_store_missing());
    must_commit(store);
}

static void models_come_in_order(void **state)
{
    static const struct span models[] = {
        {NULL, 0}, TEXT(""), TEXT("a\0b"), TEXT("a\0b"), TEXT("ab"), TEXT("\xFF"), TEXT("dead"),
    };
    struct store *store = ((struct any_store *)*state)->store;
    cleanup(buf_done) struct buf walked = BUF_NULL;
    cleanup(buf_done) struct buf last = BUF_NULL;
    struct span after = SPAN_NULL;
    int r;

    for (uint64_t id = 1; id <= array_len(models); id++) {
        struct store_row row = row_of(id);
        row.model = models[id - 1];
        row.state = STORE_DEAD;
        must_append(store, row);
        must_begin(store);
        if (id < array_len(models))
            assert_int_equal(store->ops->offer(store, id, id % 2), 0);
        must_commit(store);
    }
    for (size_t from = 0;; from = walked.len) {
        r = store->ops->next_offered_model(store, after, &walked);
        if (r)
            break;
        last.len = 0;
        assert_int_equal(buf_append(&last, walked.at ? walked.at + from : "", walked.len - from),
                         0);
        after = buf_span(&last);
        assert_int_equal(buf_append_char(&walked, ';'), 0);
    }
    assert_int_equal(r, STORE_MISSING);
    assert_same_text(buf_span(&walked), SPAN(";a\0b;ab;\xFF;"));
}

static void discarded_letter_counts(void **state)
{
    struct store *store = ((struct any_store *)*state)->store;

    must_append(store, row_of(1));
    must_append(store, row_of(2));
    must_bury(store, died(1, "x"));
    must_begin(store);
    assert_int_equal(store->ops->discard(store, 2), STORE_MISSING); /* it is pending */
    assert_int_equal(store->ops->discard(store, 1), 0);
    must_commit(store);
    assert_string_equal(ids_of(store, everything), "2");
    assert_counts(store, 0, 1, 1, 0);
}

static void replayed_letter_starts_anew_in_its_place(void **state)
{
    struct store *store = ((struct any_store *)*state)->store;
    struct store_row row = row_of(1);

    must_append(store, row_of(1));
    must_append(store, row_of(2));
    must_bury(store, died(1, "x"));
    must_begin(store);
    assert_int_equal(store->ops->offer(store, 2, false), STORE_MISSING); /* it is pending */
    assert_int_equal(store->ops->offer(store, 1, false), 0);
    assert_int_equal(store->ops->offer(store, 1, false), STORE_MISSING); /* asked for already */
    must_commit(store);
    assert_string_equal(ids_in(store, STORE_OFFERED), "1");
    assert_counts(store, 0, 0, 2, 0);

    must_begin(store);
    assert_int_equal(store->ops->take_offer(store, 2, &(uint64_t){2}, 9000), STORE_MISSING);
    assert_int_equal(store->ops->take_offer(store, 1, &(uint64_t){1}, 9000), 0);
    must_commit(store);
    must_deliver(store, 2);
    row.died_ms = died(1, "x").died_ms; /* it was a letter once */
    row.since_ms = 9000;
    assert_only_row(store, row);
    assert_counts(store, 1, 0, 1, 0);
}

static void forced_letter_goes_to_the_end(void **state)
{
    struct store *store = ((struct any_store *)*state)->store;
    struct store_row row = row_of(1);

    must_append(store, row);
    must_bury(store, died(1, "x"));
    must_begin(store);
    assert_int_equal(store->ops->offer(store, 1, true), 0);
    must_commit(store);
    assert_string_equal(ids_in(store, STORE_FORCED), "1");
    must_begin(store);
    assert_int_equal(store->ops->take_offer(store, 1, &(uint64_t){8}, 9000), 0);
    must_commit(store);
    row.id = 8;
    row.was = 1;
    row.since_ms = 9000;
    row.died_ms = died(1, "x").died_ms;
    assert_only_row(store, row);
    assert_mark(store, 8);
}

/* ---- Staleness ---- */

struct stale_case {
    const char *name;
    struct span model, record; /* of the delivered event */
    uint64_t id;
    bool stale;
};

/* The dead letter is 10, of users r1. */
static struct stale_case stale_cases[] = {
    {"a newer event of the record", TEXT("users"), TEXT("r1"), 11, true},
    {"an older event of the record", TEXT("users"), TEXT("r1"), 9, false},
    {"another record", TEXT("users"), TEXT("r2"), 11, false},
    {"another model", TEXT("posts"), TEXT("r1"), 11, false},
    {"an event without order", TEXT("users"), {NULL, 0}, 11, false},
    {"an event without model", {NULL, 0}, TEXT("r1"), 11, false},
};

static struct store *store_with_letter(struct folder *folder, bool asked_for)
{
    folder_make(folder);
    struct store *store = any_store_open(folder);
    must_append(store, row_of(10));
    must_bury(store, died(10, "x"));
    if (asked_for) {
        must_begin(store);
        assert_int_equal(store->ops->offer(store, 10, false), 0);
        must_commit(store);
    }
    return store;
}

static void assert_replay(struct store *store, bool force, int r)
{
    must_begin(store);
    assert_int_equal(store->ops->offer(store, 10, force), r);
    must_commit(store);
}

static void stale_once_delivered(void **state)
{
    const struct stale_case *stale_case = *state;
    struct folder folder;
    struct store *store = store_with_letter(&folder, false);
    struct store_row row = row_of(stale_case->id);

    row.model = stale_case->model;
    row.record = stale_case->record;
    must_append(store, row);
    must_deliver(store, row.id);
    assert_replay(store, false, stale_case->stale ? STORE_STALE : 0);
    if (stale_case->stale)
        assert_replay(store, true, 0);
    store->ops->close(store);
    folder_empty(&folder);
}

static void stale_once_overtaken(void **state)
{
    const struct stale_case *stale_case = *state;
    struct folder folder;
    struct store *store = store_with_letter(&folder, false);

    must_begin(store);
    assert_int_equal(
        store->ops->mark_stale(store, stale_case->id, stale_case->model, stale_case->record), 0);
    must_commit(store);
    assert_counts(store, 0, 0, 0, 1);
    assert_replay(store, false, stale_case->stale ? STORE_STALE : 0);
    store->ops->close(store);
    folder_empty(&folder);
}

/* Between asking for a replay and its start, a newer event may have been delivered. */
static void replay_overtaken_is_dead_again(void **state)
{
    (void)state;
    struct folder folder;
    struct store *store = store_with_letter(&folder, true);

    must_begin(store);
    assert_int_equal(store->ops->mark_stale(store, 11, SPAN("users"), SPAN("r1")), 0);
    assert_int_equal(store->ops->take_offer(store, 10, &(uint64_t){10}, 1), STORE_STALE);
    must_commit(store);
    assert_string_equal(ids_in(store, STORE_DEAD), "10");
    assert_counts(store, 0, 0, 0, 1);
    assert_replay(store, false, STORE_STALE);

    assert_replay(store, true, 0);
    must_begin(store);
    assert_int_equal(store->ops->take_offer(store, 10, &(uint64_t){12}, 1), 0);
    must_commit(store);
    assert_string_equal(ids_in(store, STORE_PENDING), "12");
    store->ops->close(store);
    folder_empty(&folder);
}

/* ---- Counts and ids ---- */

static void oldest_is_the_first_to_arrive(void **state)
{
    struct store *store = ((struct any_store *)*state)->store;
    struct store_row first = row_of(1);

    assert_int_equal(counts_of(store).oldest_ms, 0);
    first.record = SPAN("r0");
    must_append(store, first);
    must_append(store, row_of(2));
    must_append(store, row_of(3));
    assert_int_equal(counts_of(store).oldest_ms, 1001);
    must_bury(store, died(1, "x"));
    assert_int_equal(counts_of(store).oldest_ms, 1002);
    must_deliver(store, 2);
    assert_int_equal(counts_of(store).oldest_ms, 1003);
    must_begin(store);
    assert_int_equal(store->ops->offer(store, 1, false), 0);
    assert_int_equal(counts_of(store).oldest_ms, 1003); /* an offer waits for nobody */
    assert_int_equal(store->ops->take_offer(store, 1, &(uint64_t){1}, 1002), 0);
    must_commit(store);
    assert_int_equal(counts_of(store).oldest_ms, 1002); /* waits since the taking */
}

static void counts_outlive_the_rows(void **state)
{
    struct any_store *world = *state;
    struct store *store = world->store;

    assert_mark(store, 0);
    must_append(store, row_of(5));
    must_deliver(store, 5);
    must_append(store, row_of(6));
    must_bury(store, died(6, "x"));
    must_begin(store);
    assert_int_equal(store->ops->discard(store, 6), 0);
    assert_int_equal(store->ops->count_delivered(store, SPAN_NULL, 3), 0);
    must_commit(store);

    store = any_store_reopen(world);
    assert_counts(store, 4, 1, 0, 0);
    assert_int_equal(counts_of(store).accepted, 5);
    assert_true(counts_of(store).bytes > 0 || store->journal); /* of what is there */
    assert_mark(store, 6);
}

static void own_changes_are_no_news(void **state)
{
    struct store *store = ((struct any_store *)*state)->store;
    bool changed = true;

    must_append(store, row_of(1));
    assert_int_equal(store->ops->changed(store, &changed), 0);
    assert_false(changed);
}

static const struct CMUnitTest plain_tests[] = {
    any_store_test(rollback_undoes_everything),
    any_store_test(id_used_before_spoils_the_transaction),
    any_store_test(id_beyond_the_highest_is_refused),
    any_store_test(missing_rows_spoil_nothing),
    any_store_test(delivered_event_leaves_its_count),
    any_store_test(event_keeps_what_was_tried),
    any_store_test(buried_event_keeps_its_reason),
    any_store_test(models_come_in_order),
    any_store_test(discarded_letter_counts),
    any_store_test(replayed_letter_starts_anew_in_its_place),
    any_store_test(forced_letter_goes_to_the_end),
    cmocka_unit_test(replay_overtaken_is_dead_again),
    any_store_test(oldest_is_the_first_to_arrive),
    any_store_test(counts_outlive_the_rows),
    any_store_test(own_changes_are_no_news),
};

int main(void)
{
    static struct CMUnitTest tests[array_len(plain_tests) + 2 * array_len(stale_cases)];
    size_t len = array_len(plain_tests);
    struct stale_case overtaken_cases[array_len(stale_cases)];

    memcpy(tests, plain_tests, sizeof(plain_tests));
    len = rows_add(tests, len, stale_cases, stale_once_delivered);
    memcpy(overtaken_cases, stale_cases, sizeof(stale_cases));
    rows_add(tests, len, overtaken_cases, stale_once_overtaken);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
