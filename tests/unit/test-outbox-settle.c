/* SPDX-License-Identifier: MIT */
/*
 * What every store promises of an event's end, whatever state it is in, of offers, and of the
 * counts by model.
 */
#include "tests/unit/lib/any_store.h"

enum state { ABSENT = -1 };

#define REASON SPAN("no such thing")

/* users r1 10, in that state (of struct store_row), beside a letter of it that is older. */
static struct store *store_with(struct folder *folder, int is)
{
    folder_make(folder);
    struct store *store = any_store_open(folder);
    struct store_row row = row_of(10), older = row_of(4);

    older.state = STORE_DEAD;
    must_begin(store);
    assert_int_equal(store->ops->name(store, SPAN("users")), 0);
    assert_int_equal(store->ops->append(store, &older), 0);
    row.state = is == STORE_PENDING ? STORE_PENDING : STORE_DEAD;
    if (is != ABSENT)
        assert_int_equal(store->ops->append(store, &row), 0);
    if (is == STORE_OFFERED || is == STORE_FORCED)
        assert_int_equal(store->ops->offer(store, 10, is == STORE_FORCED), 0);
    must_commit(store);
    return store;
}

struct tallied {
    char text[256];
    size_t len;
};

static int tally_add(void *ctx, struct span model, const struct store_tally *tally)
{
    struct tallied *tallied = ctx;

    assert_int_equal(tally->accepted,
                     tally->delivered + tally->discarded + tally->pending + tally->dead);
    tallied->len += (size_t)snprintf(
        tallied->text + tallied->len, sizeof(tallied->text) - tallied->len, "%.*s %d %d %d %d;",
        (int)model.len, model.at ? model.at : "", (int)tally->delivered, (int)tally->discarded,
        (int)tally->pending, (int)tally->dead);
    return 0;
}

/* "model delivered discarded pending dead;" of each, all others first. */
static const char *tallies_of(struct store *store)
{
    static struct tallied tallied;

    tallied = (struct tallied){0};
    assert_int_equal(store->ops->tallies(store, tally_add, &tallied), 0);
    return tallied.text;
}

static void finish(struct store *store, struct folder *folder)
{
    store->ops->close(store);
    folder_empty(folder);
}

/* ---- Ends ---- */

struct end_case {
    const char *name;
    int is;
    const char *delivered, *unstored, *buried; /* the counts then */
};

static struct end_case end_cases[] = {
    {"pending", STORE_PENDING, " 0 0 0 0;users 1 0 0 1;", " 0 0 0 0;users 1 0 0 1;",
     " 0 0 0 0;users 0 0 0 2;"},
    {"dead", STORE_DEAD, " 0 0 0 0;users 1 0 0 1;", " 0 0 0 0;users 1 0 0 1;",
     " 0 0 0 0;users 0 0 0 2;"},
    {"offered", STORE_OFFERED, " 0 0 0 0;users 1 0 0 1;", " 0 0 0 0;users 1 0 0 1;",
     " 0 0 0 0;users 0 0 0 2;"},
    {"forced", STORE_FORCED, " 0 0 0 0;users 1 0 0 1;", " 0 0 0 0;users 1 0 0 1;",
     " 0 0 0 0;users 0 0 0 2;"},
    {"not there", ABSENT, " 0 0 0 0;users 0 0 0 1;", " 0 0 0 0;users 1 0 0 1;",
     " 0 0 0 0;users 0 0 0 2;"},
};

static void assert_delivered(const struct end_case *end, bool unstored)
{
    struct folder folder;
    struct store *store = store_with(&folder, end->is);
    struct store_row row = row_of(10);
    bool counts = end->is != ABSENT || unstored;

    must_begin(store);
    assert_int_equal(store->ops->deliver(store, &row, unstored), counts ? 0 : any_store_missing());
    must_commit(store);
    assert_string_equal(ids_of(store, everything), "4");
    assert_string_equal(tallies_of(store), unstored ? end->unstored : end->delivered);
    must_begin(store); /* twice */
    assert_int_equal(store->ops->deliver(store, &row, false), any_store_missing());
    assert_int_equal(store->ops->offer(store, 4, false), STORE_STALE);
    must_commit(store);
    assert_string_equal(tallies_of(store), unstored ? end->unstored : end->delivered);
    finish(store, &folder);
}

static void delivered_in_any_state(void **state)
{
    assert_delivered(*state, false);
    assert_delivered(*state, true);
}

static void buried_in_any_state(void **state)
{
    const struct end_case *end = *state;
    struct folder folder;
    struct store *store = store_with(&folder, end->is);

    for (int i = 0; i < 2; i++) { /* twice is once */
        must_bury(store, died(10, "x"));
        assert_string_equal(ids_in(store, STORE_DEAD), "4 10");
        assert_string_equal(tallies_of(store), end->buried);
    }
    must_begin(store);
    assert_int_equal(store->ops->offer(store, 4, false), 0); /* nothing newer was delivered */
    must_commit(store);
    finish(store, &folder);
}

/* A letter that a newer event has overtaken stays so, however often it is buried. */
static void burial_again_keeps_it_stale(void **state)
{
    struct store *store = ((struct any_store *)*state)->store;

    must_append(store, row_of(1));
    must_bury(store, died(1, "x"));
    must_append(store, row_of(2));
    must_deliver(store, 2);
    must_bury(store, died(1, "x"));
    must_begin(store);
    assert_int_equal(store->ops->offer(store, 1, false), STORE_STALE);
    must_commit(store);
}

/* ---- Offers ---- */

struct offer_case {
    const char *name;
    int is;
    int taken, refused; /* how that ends */
};

static struct offer_case offer_cases[] = {
    {"a pending event is no offer", STORE_PENDING, STORE_MISSING, STORE_MISSING},
    {"a letter is no offer", STORE_DEAD, STORE_MISSING, STORE_MISSING},
    {"an offer", STORE_OFFERED, 0, 0},
    {"a forced one", STORE_FORCED, 0, 0},
    {"an event that is not there", ABSENT, STORE_MISSING, STORE_MISSING},
};

static void taken_once(void **state)
{
    const struct offer_case *offer = *state;
    struct folder folder;
    struct store *store = store_with(&folder, offer->is);
    uint64_t new_id = offer->is == STORE_FORCED ? 12 : 10;
    struct store_row row = row_of(new_id);

    must_begin(store);
    assert_int_equal(store->ops->take_offer(store, 10, &new_id, 9000), offer->taken);
    assert_int_equal(store->ops->take_offer(store, 10, &new_id, 9000), STORE_MISSING);
    assert_int_equal(store->ops->discard(store, 4), 0);
    must_commit(store);
    if (offer->taken == 0) {
        row.arrived_ms = row_of(10).arrived_ms;
        row.since_ms = 9000;
        row.was = new_id == 10 ? 0 : 10;
        assert_only_row(store, row);
        assert_string_equal(tallies_of(store), " 0 0 0 0;users 0 1 1 0;");
        must_deliver(store, new_id);
        assert_string_equal(tallies_of(store), " 0 0 0 0;users 1 1 0 0;");
    }
    finish(store, &folder);
}

static int reason_row(void *ctx, const struct store_row *row)
{
    struct buf *reason = ctx;

    reason->len = 0;
    return row->id == 10 ? buf_append_span(reason, row->reason) : 0;
}

static void assert_reason(struct store *store, struct span expected)
{
    const struct store_filter letters = {.first = STORE_DEAD, .last = STORE_DEAD, .bare = true};
    cleanup(buf_done) struct buf reason = BUF_NULL;

    assert_int_equal(store->ops->read(store, &letters, reason_row, &reason), 0);
    assert_same_text(buf_span(&reason), expected);
}

static void refuse_again(struct store *store, struct span why)
{
    must_begin(store);
    assert_int_equal(store->ops->offer(store, 10, false), 0);
    assert_int_equal(store->ops->refuse(store, 10, why), 0);
    must_commit(store);
}

/* A letter goes on saying what it died of, however often a replay is refused. */
static void refused_letter_says_both(void **state)
{
    struct store *store = ((struct any_store *)*state)->store;
    struct store_row row = row_of(10);

    must_append(store, row);
    must_bury(store, died(10, "Uncaught Error: no such post"));
    refuse_again(store, SPAN("the model has no route"));
    assert_reason(store,
                  SPAN("Uncaught Error: no such post; replay refused: the model has no route"));
    for (int i = 0; i < 3; i++)
        refuse_again(store, SPAN("a newer event waits"));
    assert_reason(store, SPAN("Uncaught Error: no such post; replay refused: a newer event waits"));
}

static void refused_once(void **state)
{
    const struct offer_case *offer = *state;
    struct folder folder;
    struct store *store = store_with(&folder, offer->is);
    struct store_row row = row_of(10);

    must_begin(store);
    assert_int_equal(store->ops->refuse(store, 10, REASON), offer->refused);
    assert_int_equal(store->ops->refuse(store, 10, SPAN("again")), STORE_MISSING);
    assert_int_equal(store->ops->discard(store, 4), 0);
    must_commit(store);
    if (offer->refused == 0) {
        row.state = STORE_DEAD;
        row.reason = SPAN("Replay refused: no such thing"); /* it died of nothing that is known */
        assert_only_row(store, row);
        assert_string_equal(tallies_of(store), " 0 0 0 0;users 0 1 0 1;");
    }
    finish(store, &folder);
}

static void offer(struct store *store, uint64_t id, struct span model, bool force)
{
    struct store_row row = row_of(id);

    row.model = model;
    row.state = STORE_DEAD;
    must_append(store, row);
    must_begin(store);
    assert_int_equal(store->ops->offer(store, id, force), 0);
    must_commit(store);
}

static uint64_t refuse_model(struct store *store, struct span model, uint64_t rows_max)
{
    uint64_t refused = 77;

    must_begin(store);
    assert_int_equal(store->ops->refuse_model(store, model, REASON, rows_max, &refused), 0);
    must_commit(store);
    return refused;
}

static void models_of_offers_are_refused_some_at_a_time(void **state)
{
    struct store *store = ((struct any_store *)*state)->store;
    cleanup(buf_done) struct buf model = BUF_NULL;

    must_append(store, row_of(1)); /* pending, and no offer */
    offer(store, 2, SPAN("posts"), false);
    offer(store, 3, SPAN_NULL, true);
    offer(store, 4, SPAN("posts"), true);
    offer(store, 5, SPAN("posts"), false);
    must_begin(store);
    assert_int_equal(store->ops->name(store, SPAN("posts")), 0);
    must_commit(store);
    assert_string_equal(tallies_of(store), " 0 0 2 0;posts 0 0 3 0;");

    assert_int_equal(store->ops->next_offered_model(store, SPAN_NULL, &model), 0);
    assert_same_text(buf_span(&model), SPAN("posts"));
    assert_int_equal(store->ops->next_offered_model(store, SPAN("posts"), &model), STORE_MISSING);
    assert_int_equal(refuse_model(store, SPAN("posts"), 2), 2);
    assert_string_equal(ids_in(store, STORE_DEAD), "2 4");
    assert_string_equal(tallies_of(store), " 0 0 2 0;posts 0 0 1 2;");
    assert_int_equal(refuse_model(store, SPAN("posts"), 2), 1);
    assert_int_equal(refuse_model(store, SPAN("posts"), 2), 0);
    assert_int_equal(refuse_model(store, SPAN_NULL, 9), 1);
    assert_string_equal(tallies_of(store), " 0 0 1 1;posts 0 0 0 3;");
    assert_int_equal(store->ops->next_offered_model(store, SPAN_NULL, &model), STORE_MISSING);
}

/* ---- Counts by model ---- */

static void fill(struct store *store)
{
    static const struct span models[] = {TEXT("users"), TEXT("posts"), TEXT("other"),
                                         TEXT("a\0b"),  TEXT(""),      {NULL, 0}};

    for (uint64_t id = 1; id <= 18; id++) {
        struct store_row row = row_of(id);
        row.model = models[id % array_len(models)];
        row.state = id % 3 == 0 ? STORE_DEAD : STORE_PENDING;
        must_append(store, row);
    }
}

static void named(struct store *store, struct span model)
{
    must_begin(store);
    assert_int_equal(store->ops->name(store, model), 0);
    must_commit(store);
}

/* users are all letters; posts are all pending. */
static void share_of_a_model_leaves_that_of_others(void **state)
{
    struct store *store = ((struct any_store *)*state)->store;

    fill(store);
    must_begin(store);
    assert_int_equal(store->ops->count_delivered(store, SPAN("users"), 5), 0);
    assert_int_equal(store->ops->offer(store, 6, false), 0);
    must_commit(store);
    assert_string_equal(tallies_of(store), " 5 0 13 5;");
    named(store, SPAN("users"));
    assert_string_equal(tallies_of(store), " 5 0 12 3;users 0 0 1 2;");
    named(store, SPAN("users")); /* again */
    named(store, SPAN("other"));
    named(store, SPAN_NULL);
    assert_string_equal(tallies_of(store), " 5 0 12 3;users 0 0 1 2;");
    named(store, SPAN("posts"));
    named(store, SPAN("teams"));
    assert_string_equal(tallies_of(store), " 5 0 9 3;users 0 0 1 2;posts 0 0 3 0;teams 0 0 0 0;");
    must_begin(store);
    assert_int_equal(store->ops->count_delivered(store, SPAN("users"), 2), 0);
    assert_int_equal(store->ops->count_delivered(store, SPAN("teams"), 1), 0);
    assert_int_equal(store->ops->discard(store, 12), 0);
    must_commit(store);
    assert_string_equal(tallies_of(store), " 5 0 9 3;users 2 1 1 1;posts 0 0 3 0;teams 1 0 0 0;");
}

static void naming_can_be_undone(void **state)
{
    struct any_store *world = *state;
    struct store *store = world->store;

    fill(store);
    must_begin(store);
    assert_int_equal(store->ops->name(store, SPAN("posts")), 0);
    assert_string_equal(tallies_of(store), " 0 0 9 6;posts 0 0 3 0;");
    store->ops->rollback(store);
    assert_string_equal(tallies_of(store), " 0 0 12 6;");
    must_deliver(store, 1); /* of posts, which count with the others again */
    assert_string_equal(tallies_of(store), " 1 0 11 6;");
    named(store, SPAN("posts"));
    store = any_store_reopen(world);
    must_deliver(store, 7);
    assert_string_equal(tallies_of(store), " 1 0 9 6;posts 1 0 1 0;");
}

/* A command that has it open since before the model was named. */
static void another_process_sees_what_was_named(void **state)
{
    struct any_store *world = *state;
    struct store *store = world->store;
    struct store *beside;
    bool changed = false;

    fill(store);
    beside = any_store_open_beside(&world->folder);
    must_begin(beside);
    assert_int_equal(beside->ops->discard(beside, 12), 0); /* of users */
    must_commit(beside);
    named(store, SPAN("users"));
    must_begin(beside);
    assert_int_equal(beside->ops->discard(beside, 6), 0);
    must_commit(beside);
    beside->ops->close(beside);
    assert_int_equal(store->ops->changed(store, &changed), 0);
    assert_true(changed);
    assert_string_equal(tallies_of(store), " 0 1 12 3;users 0 1 0 1;");
}

static void mark_is_what_it_was_set_to(void **state)
{
    struct any_store *world = *state;
    struct store *store = world->store;
    const uint64_t marks[] = {1 << 20, 500, 501};
    uint64_t last_id;

    if (store->journal) /* PostgreSQL keeps the mark */
        return;
    must_append(store, row_of(7));
    for (size_t i = 0; i < array_len(marks); i++) {
        must_begin(store);
        assert_int_equal(store->ops->set_id_mark(store, marks[i]), 0);
        must_commit(store);
        store = any_store_reopen(world);
        assert_int_equal(store->ops->id_mark(store, &last_id), 0);
        assert_int_equal(last_id, marks[i]);
    }
}

static const struct CMUnitTest plain_tests[] = {
    any_store_test(burial_again_keeps_it_stale),
    any_store_test(models_of_offers_are_refused_some_at_a_time),
    any_store_test(refused_letter_says_both),
    any_store_test(share_of_a_model_leaves_that_of_others),
    any_store_test(naming_can_be_undone),
    any_store_test(another_process_sees_what_was_named),
    any_store_test(mark_is_what_it_was_set_to),
};

int main(void)
{
    static struct CMUnitTest
        tests[array_len(plain_tests) + 2 * array_len(end_cases) + 2 * array_len(offer_cases)];
    static struct end_case burials[array_len(end_cases)];
    static struct offer_case refusals[array_len(offer_cases)];
    size_t len = array_len(plain_tests);

    memcpy(tests, plain_tests, sizeof(plain_tests));
    memcpy(burials, end_cases, sizeof(burials));
    memcpy(refusals, offer_cases, sizeof(refusals));
    len = rows_add(tests, len, end_cases, delivered_in_any_state);
    len = rows_add(tests, len, burials, buried_in_any_state);
    len = rows_add(tests, len, offer_cases, taken_once);
    rows_add(tests, len, refusals, refused_once);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
