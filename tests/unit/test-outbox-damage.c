/* SPDX-License-Identifier: MIT */
/*
 * Damaged files: the store always opens, keeps the damaged file under another name, and has all
 * rows that could be read. No row may differ from what was put in.
 */
#include "tests/unit/lib/damage_world.h"

/* ---- Damages ---- */

static void zero_header(const struct folder *folder)
{
    overwrite(folder, 0, 100, 0);
}

static void zero_first_page(const struct folder *folder)
{
    overwrite(folder, 0, PAGE, 0);
}

static void garble_schema(const struct folder *folder)
{
    overwrite(folder, 100, PAGE - 100, -1);
}

static void garble_all(const struct folder *folder)
{
    overwrite(folder, 0, (size_t)size_of(folder), -1);
}

static void write_text(const struct folder *folder)
{
    cut(folder, 0);
    overwrite(folder, 0, 5000, 'x');
}

static void zero_all(const struct folder *folder)
{
    overwrite(folder, 0, (size_t)size_of(folder), 0);
}

static void cut_in_half(const struct folder *folder)
{
    cut(folder, size_of(folder) / 2 / PAGE * PAGE);
}

static void cut_inside_a_page(const struct folder *folder)
{
    cut(folder, size_of(folder) - 1000);
}

static void cut_to_one_page(const struct folder *folder)
{
    cut(folder, PAGE);
}

static void garble_a_page_in_the_middle(const struct folder *folder)
{
    overwrite(folder, size_of(folder) / 2 / PAGE * PAGE, PAGE, -1);
}

static void zero_every_seventh_page(const struct folder *folder)
{
    for (int64_t at = 6 * PAGE; at < size_of(folder); at += 7 * PAGE)
        overwrite(folder, at, PAGE, 0);
}

static void zero_second_half(const struct folder *folder)
{
    int64_t half = size_of(folder) / 2 / PAGE * PAGE;

    overwrite(folder, half, (size_t)(size_of(folder) - half), 0);
}

static void garble_event_root(const struct folder *folder)
{
    overwrite(folder, root_of(folder, "event"), PAGE, -1);
}

static void garble_body_root(const struct folder *folder)
{
    overwrite(folder, root_of(folder, "body"), PAGE, -1);
}

static void garble_an_index(const struct folder *folder)
{
    overwrite(folder, root_of(folder, "event_pending"), PAGE, -1);
}

static void garble_tally(const struct folder *folder)
{
    overwrite(folder, root_of(folder, "tally"), PAGE, 0);
}

static void drop_body(const struct folder *folder)
{
    run_sql(folder, "DROP TABLE body");
}

static void drop_an_index(const struct folder *folder)
{
    run_sql(folder, "DROP INDEX event_pending");
}

static void delete_counters(const struct folder *folder)
{
    run_sql(folder, "DELETE FROM tally");
}

static void raise_mark(const struct folder *folder)
{
    run_sql(folder, "UPDATE mark SET last_id = 1 << 53");
}

static void delete_mark(const struct folder *folder)
{
    run_sql(folder, "DELETE FROM mark");
}

static void exchange_lanes(const struct folder *folder)
{
    run_sql(folder, "UPDATE event SET lane = 5 WHERE id = 20");
}

static void lose_some_events(const struct folder *folder)
{
    /* Beyond what quick_check sees: nothing is wrong but that rows have no bodies. */
    run_sql(folder, "DELETE FROM body WHERE id > 590");
    overwrite(folder, root_of(folder, "event_lane"), PAGE, -1);
}

struct damage_case {
    const char *name;
    void (*damage)(const struct folder *folder);
    size_t whole_min;
    size_t letters_min;
    bool delivered; /* the counters were saved */
    size_t torn_max;
};

static struct damage_case damage_cases[] = {
    {"the header is zero", zero_header, 0, 0, false, 0},
    {"the first page is zero", zero_first_page, 0, 0, false, 0},
    {"the first page is garbage behind the header", garble_schema, 0, 0, false, 0},
    {"everything is garbage", garble_all, 0, 0, false, 0},
    {"everything is zero", zero_all, 0, 0, false, 0},
    {"it is a text", write_text, 0, 0, false, 0},
    {"half of it is gone", cut_in_half, 0, 0, false, 0},
    {"the end of it is gone, inside a page", cut_inside_a_page, ROWS - 20, 0, true, 4},
    {"all but a page is gone", cut_to_one_page, 0, 0, false, 0},
    {"a page in the middle is garbage", garble_a_page_in_the_middle, ROWS - 100, 0, true, 0},
    {"every seventh page is zero", zero_every_seventh_page, ROWS / 2, 0, true, 0},
    {"the second half is zero", zero_second_half, ROWS / 4, 0, true, 0},
    {"the table of events is garbage", garble_event_root, 0, ROWS, true, 0},
    {"the table of bodies is garbage", garble_body_root, 0, 0, true, 0},
    {"an index is garbage", garble_an_index, ROWS, 0, true, 0},
    {"the counters are zero", garble_tally, ROWS, 0, false, 0},
    {"the table of bodies is missing", drop_body, 0, 0, true, 0},
    {"an index is missing", drop_an_index, ROWS, 0, true, 0},
    {"the counters are missing", delete_counters, ROWS, 0, false, 0},
    {"the mark is gone", delete_mark, ROWS, 0, true, 0},
    {"the mark is beyond all numbers", raise_mark, ROWS, 0, true, 0},
    {"a lane is another one", exchange_lanes, ROWS, 0, true, 0},
    {"some bodies are missing, and an index is garbage", lose_some_events, ROWS - 10, 0, true, 0},
};

static void damaged_file_is_replaced(void **state)
{
    const struct damage_case *damage_case = *state;
    struct folder folder;

    folder_make(&folder);
    struct store *store = fill(&folder);
    store->ops->close(store);
    damage_case->damage(&folder);

    store = folder_open(&folder, STORE_SERVE);
    assert_int_equal(folder_count(&folder, ".damaged-"), 1);
    assert_int_equal(folder_count(&folder, ".mending"), 0);
    assert_int_equal(folder_count(&folder, ".saved"), 0);
    struct found found = find_all(store);
    struct store_counts counts = counts_of(store);
    assert_in_range(found.whole, damage_case->whole_min, ROWS);
    assert_in_range(found.letters, damage_case->letters_min, ROWS);
    assert_in_range(found.torn, 0, damage_case->torn_max);
    assert_int_equal(counts.pending + counts.dead, found.whole + found.letters);
    assert_int_equal(counts.delivered, damage_case->delivered ? 77 : 0);
    size_t spoilt = damage_case->delivered ? ROWS - found.whole - found.letters : 0;
    assert_int_equal(counts.spoilt, spoilt); /* as far as there were counters to tell */
    assert_int_equal(counts.discarded, spoilt);
    assert_works(store);
    store->ops->close(store);

    store = folder_open(&folder, STORE_SERVE); /* it was done once, and for all */
    assert_int_equal(folder_count(&folder, ".damaged-"), 1);
    assert_int_equal(find_all(store).whole, found.whole);
    store->ops->close(store);
    folder_empty(&folder);
}

/* Wherever bits flip, the store opens; and each row is as before, or is not there. */
struct flip_case {
    const char *name;
    unsigned seed;
};

static struct flip_case flip_cases[] = {
    {"random bytes, seed 1", 1}, {"random bytes, seed 2", 2}, {"random bytes, seed 3", 3},
    {"random bytes, seed 4", 4}, {"random bytes, seed 5", 5}, {"random bytes, seed 6", 6},
};

static void flipped_bytes_do_not_keep_it_from_opening(void **state)
{
    const struct flip_case *flip_case = *state;
    const struct store_filter all = {.last = STORE_FORCED};
    struct folder folder;
    size_t rows = 0;

    folder_make(&folder);
    struct store *store = fill(&folder);
    store->ops->close(store);
    srand(flip_case->seed);
    for (int i = 0; i < 40; i++)
        overwrite(&folder, PAGE + rand() % (size_of(&folder) - PAGE), 1 + (size_t)rand() % 64, -1);
    store = folder_open(&folder, STORE_SERVE);
    assert_int_equal(store->ops->read(store, &all, count_row, &rows), 0);
    struct store_counts counts = counts_of(store);
    assert_int_equal(counts.pending + counts.dead, rows);
    assert_works(store);
    store->ops->close(store);
    folder_empty(&folder);
}

int main(void)
{
    static struct CMUnitTest tests[array_len(damage_cases) + array_len(flip_cases)];
    size_t len = rows_add(tests, 0, damage_cases, damaged_file_is_replaced);
    rows_add(tests, len, flip_cases, flipped_bytes_do_not_keep_it_from_opening);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
