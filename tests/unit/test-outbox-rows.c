/* SPDX-License-Identifier: MIT */
/* What every store promises of rows: each comes back unchanged, and where one looks. */
#include "tests/unit/lib/any_store.h"

/* ---- Rows come back as they went in ---- */

struct row_case {
    const char *name;
    struct store_row row;
};

static char large_body[3 << 20];

static struct row_case row_cases[] = {
    {"a pending event", {.id = 1, .model = TEXT("users"), .record = TEXT("r"), .body = TEXT("{}")}},
    {"no model, no record", {.id = 7, .body = TEXT("{}")}},
    {"empty texts",
     {.id = 1, .model = TEXT(""), .record = TEXT(""), .body = TEXT(""), .reason = TEXT("")}},
    {"NUL and lone surrogates in texts",
     {.id = 1,
      .model = TEXT("a\0b"),
      .record = TEXT("\xed\xa0\x80"),
      .body = TEXT("\0\xff\0"),
      .reason = TEXT("\xf0\x9f\x90\x9d")}},
    {"a large body", {.id = 1, .model = TEXT("m"), .body = {large_body, sizeof(large_body)}}},
    {"the highest id", {.id = (INT64_C(1) << 56) - 1, .model = TEXT("m"), .body = TEXT("{}")}},
    {"a dead letter",
     {.id = 3,
      .state = STORE_DEAD,
      .model = TEXT("users"),
      .record = TEXT("r"),
      .body = TEXT("{}"),
      .arrived_ms = 1,
      .attempts = 2,
      .tried_ms = 3,
      .reason = TEXT("no route"),
      .died_ms = 4,
      .stale = true}},
    {"all there may be of one",
     {.id = 3,
      .model = TEXT("users"),
      .record = TEXT("r"),
      .body = TEXT("{}"),
      .arrived_ms = 1,
      .since_ms = 2,
      .was = 1,
      .request = TEXT("req\0uest"),
      .sequence = (UINT64_C(1) << 52) + 1,
      .import = TEXT("")}},
    {"an event of version 1",
     {.id = (UINT64_C(1) << 49) + 1, .model = TEXT("m"), .body = {large_body, sizeof(large_body)}}},
};

static void row_comes_back(void **state)
{
    const struct row_case *row_case = *state;
    struct folder folder;

    folder_make(&folder);
    struct store *store = any_store_open(&folder);
    must_append(store, row_case->row);
    assert_only_row(store, row_case->row);
    store->ops->close(store);

    store = any_store_open(&folder);
    assert_only_row(store, row_case->row);
    store->ops->close(store);
    folder_empty(&folder);
}

/* ---- Reading ---- */

struct read_case {
    const char *name;
    struct store_filter filter;
    const char *ids;
};

/* 1 users, 2 posts, 3 users dead, 4 users replay, 5 posts dead, 6 users, 7 users forced, 8 without
 * a model, dead, 9 posts, 10 users */
static struct read_case read_cases[] = {
    {"everything", {.last = STORE_FORCED}, "1 2 3 4 5 6 7 8 9 10"},
    {"up to one of them", {.last = STORE_FORCED, .after = 3, .upto = 6}, "4 5 6"},
    {"everything, a page", {.last = STORE_FORCED, .after = 3, .rows_max = 2}, "4 5"},
    {"pending", {.first = STORE_PENDING, .last = STORE_PENDING}, "1 2 6 9 10"},
    {"pending of a model", {.model = TEXT("users")}, "1 6 10"},
    {"pending of a model, a page", {.model = TEXT("users"), .after = 1, .rows_max = 1}, "6"},
    {"pending of a model up to one", {.model = TEXT("users"), .after = 1, .upto = 9}, "6"},
    {"pending of a model behind the last", {.model = TEXT("users"), .after = 10}, ""},
    {"pending of an unknown model", {.model = TEXT("user")}, ""},
    {"dead", {.first = STORE_DEAD, .last = STORE_DEAD}, "3 5 8"},
    {"dead, a page", {.first = STORE_DEAD, .last = STORE_DEAD, .after = 3, .rows_max = 1}, "5"},
    {"dead of a model", {.first = STORE_DEAD, .last = STORE_DEAD, .model = TEXT("posts")}, "5"},
    {"dead of a model, a page",
     {.first = STORE_DEAD, .last = STORE_DEAD, .model = TEXT("posts"), .after = 5},
     ""},
    {"offers of a model",
     {.first = STORE_OFFERED, .last = STORE_FORCED, .model = TEXT("users")},
     "4 7"},
    {"offers of a model, a page",
     {.first = STORE_OFFERED, .last = STORE_FORCED, .model = TEXT("users"), .after = 4},
     "7"},
    {"offers of another model",
     {.first = STORE_OFFERED, .last = STORE_FORCED, .model = TEXT("posts")},
     ""},
    {"forced ones of a model",
     {.first = STORE_FORCED, .last = STORE_FORCED, .model = TEXT("users")},
     "7"},
    {"replays of both kinds", {.first = STORE_OFFERED, .last = STORE_FORCED}, "4 7"},
    {"replays, a page", {.first = STORE_OFFERED, .last = STORE_FORCED, .rows_max = 1}, "4"},
    {"all but pending", {.first = STORE_DEAD, .last = STORE_FORCED}, "3 4 5 7 8"},
    {"pending and dead of a model", {.last = STORE_DEAD, .model = TEXT("users")}, "1 3 6 10"},
    {"without bodies", {.last = STORE_FORCED, .bare = true, .rows_max = 3}, "1 2 3"},
};

static void append_as(struct store *store, uint64_t id, struct span model, enum store_state state)
{
    struct store_row row = row_of(id);

    row.model = model;
    row.state = state == STORE_PENDING ? STORE_PENDING : STORE_DEAD;
    must_append(store, row);
    must_begin(store);
    if (state >= STORE_OFFERED)
        assert_int_equal(store->ops->offer(store, id, state == STORE_FORCED), 0);
    must_commit(store);
}

static void fill_for_reading(struct store *store)
{
    append_as(store, 1, SPAN("users"), STORE_PENDING);
    append_as(store, 2, SPAN("posts"), STORE_PENDING);
    append_as(store, 3, SPAN("users"), STORE_DEAD);
    append_as(store, 4, SPAN("users"), STORE_OFFERED);
    append_as(store, 5, SPAN("posts"), STORE_DEAD);
    append_as(store, 6, SPAN("users"), STORE_PENDING);
    append_as(store, 7, SPAN("users"), STORE_FORCED);
    append_as(store, 8, SPAN_NULL, STORE_DEAD);
    append_as(store, 9, SPAN("posts"), STORE_PENDING);
    append_as(store, 10, SPAN("users"), STORE_PENDING);
}

static void filter_lets_through(void **state)
{
    const struct read_case *read_case = *state;
    struct folder folder;

    folder_make(&folder);
    struct store *store = any_store_open(&folder);
    fill_for_reading(store);
    assert_string_equal(ids_of(store, read_case->filter), read_case->ids);
    store->ops->close(store);
    folder_empty(&folder);
}

static void callee_ends_the_reading(void **state)
{
    struct store *store = ((struct any_store *)*state)->store;
    struct id_list ids = {.stop_after = 2};

    fill_for_reading(store);
    assert_int_equal(store->ops->read(store, &everything, id_list_add, &ids), 77);
    assert_int_equal(ids.len, 2);
}

static int body_must_be_missing(void *ctx, const struct store_row *row)
{
    (void)ctx;
    assert_null(row->body.at);
    return 0;
}

static void bare_rows_have_no_body(void **state)
{
    struct store *store = ((struct any_store *)*state)->store;
    struct store_filter bare = everything;

    bare.bare = true;
    fill_for_reading(store);
    assert_int_equal(store->ops->read(store, &bare, body_must_be_missing, NULL), 0);
}

static const struct CMUnitTest plain_tests[] = {
    any_store_test(callee_ends_the_reading),
    any_store_test(bare_rows_have_no_body),
};

int main(void)
{
    static struct CMUnitTest
        tests[array_len(plain_tests) + array_len(row_cases) + array_len(read_cases)];
    size_t len = array_len(plain_tests);

    memset(large_body, 'x', sizeof(large_body));
    memcpy(tests, plain_tests, sizeof(plain_tests));
    len = rows_add(tests, len, row_cases, row_comes_back);
    rows_add(tests, len, read_cases, filter_lets_through);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
