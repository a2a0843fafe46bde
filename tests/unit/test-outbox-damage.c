/* SPDX-License-Identifier: MIT */
/*
 * Damaged files: the store always opens, keeps the damaged file under another name, and has what
 * could be read of it. Nothing that it then holds may differ from what was put in.
 */
#include "store_world.h"

#include <sqlite3.h>

enum { ROWS = 600, PAGE = 4096 };

/* ---- A store with rows that can be told ---- */

static struct store_row known_row(uint64_t id)
{
    static char body[400];
    static char record[16];

    (void)snprintf(record, sizeof(record), "r%llu", (unsigned long long)id);
    memset(body, 'a' + (int)(id % 26), sizeof(body));
    (void)snprintf(body, sizeof(body), "body of %llu", (unsigned long long)id);
    return (struct store_row){.id = id,
                              .state = id % 5 == 0 ? STORE_DEAD : STORE_PENDING,
                              .model = SPAN("users"),
                              .record = span_of(record),
                              .body = {body, sizeof(body) - id % 200},
                              .arrived_ms = 1000 + (int64_t)id,
                              .died_ms = id % 5 == 0 ? 5000 : 0};
}

static struct store *fill(struct folder *folder)
{
    struct store *store = folder_open(folder, STORE_SERVE);

    must_begin(store);
    for (uint64_t id = 1; id <= ROWS; id++) {
        struct store_row row = known_row(id);
        assert_int_equal(store->ops->append(store, &row), 0);
    }
    assert_int_equal(store->ops->count_delivered(store, 77), 0);
    must_commit(store);
    must_begin(store);
    assert_int_equal(store->ops->replay(store, 5, true), 0);
    assert_int_equal(store->ops->replay(store, 10, false), 0);
    must_commit(store);
    return store;
}

struct found {
    size_t whole;   /* rows as they were */
    size_t letters; /* bodies whose rest was lost */
    size_t torn;    /* rows with other bytes in their bodies, which no checksum guards */
};

static int found_add(void *ctx, const struct store_row *row)
{
    struct found *found = ctx;
    struct store_row known = known_row(row->id);

    assert_in_range(row->id, 1, ROWS);
    assert_int_equal(row->body.len, known.body.len);
    if (!span_eq(row->body, known.body))
        found->torn++;
    if (!row->record.at) {
        assert_int_equal(row->state, STORE_DEAD);
        assert_non_null(row->reason.at);
        found->letters++;
        return 0;
    }
    assert_same_text(row->model, known.model);
    assert_same_text(row->record, known.record);
    assert_int_equal(row->arrived_ms, known.arrived_ms);
    if (row->id != 5 && row->id != 10)
        assert_int_equal(row->state, known.state);
    found->whole++;
    return 0;
}

static struct found find_all(struct store *store)
{
    const struct store_filter all = {.last = STORE_FORCED};
    struct found found = {0};

    assert_int_equal(store->ops->read(store, &all, found_add, &found), 0);
    return found;
}

/* ---- Damages ---- */

static void overwrite(const struct folder *folder, int64_t at, size_t len, int with)
{
    int fd = open(folder->path, O_RDWR | O_CLOEXEC);

    assert_true(fd >= 0);
    char *bytes = malloc(len + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(with < 0 ? rand() : with);
    assert_int_equal(pwrite(fd, bytes, len, at), len);
    free(bytes);
    (void)close(fd);
}

static int64_t size_of(const struct folder *folder)
{
    struct stat st;

    assert_int_equal(stat(folder->path, &st), 0);
    return st.st_size;
}

static void cut(const struct folder *folder, int64_t bytes)
{
    assert_int_equal(truncate(folder->path, bytes), 0);
}

static void run_sql(const struct folder *folder, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(folder->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The page that a table's or index's tree begins with. */
static int64_t root_of(const struct folder *folder, const char *name)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *find = NULL;

    assert_int_equal(sqlite3_open(folder->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT rootpage FROM sqlite_schema WHERE name = ?1",
                                        -1, &find, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_bind_text(find, 1, name, -1, SQLITE_STATIC), SQLITE_OK);
    assert_int_equal(sqlite3_step(find), SQLITE_ROW);
    int64_t page = sqlite3_column_int64(find, 0);
    (void)sqlite3_finalize(find);
    (void)sqlite3_close(db);
    return (page - 1) * PAGE;
}

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

static void lose_some_events(const struct folder *folder)
{
    /* Beyond what quick_check sees: nothing is wrong but that rows have no bodies. */
    run_sql(folder, "UPDATE tally SET commits = commits; DELETE FROM body WHERE id > 590");
    overwrite(folder, root_of(folder, "event_record"), PAGE, -1);
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
    {"some bodies are missing, and an index is garbage", lose_some_events, ROWS - 10, 0, true, 0},
};

static void assert_works(struct store *store)
{
    uint64_t last_id;
    struct store_counts before = counts_of(store);

    assert_int_equal(store->ops->last_id(store, &last_id), 0);
    must_append(store, row_of(last_id + 1));
    must_deliver(store, last_id + 1);
    assert_int_equal(counts_of(store).delivered, before.delivered + 1);
}

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
    assert_works(store);
    store->ops->close(store);

    store = folder_open(&folder, STORE_SERVE); /* it was done once, and for all */
    assert_int_equal(folder_count(&folder, ".damaged-"), 1);
    assert_int_equal(find_all(store).whole, found.whole);
    store->ops->close(store);
    folder_empty(&folder);
}

/* Wherever the bits flip, it opens; and what it has is as it was, or is not there. */
struct flip_case {
    const char *name;
    unsigned seed;
};

static struct flip_case flip_cases[] = {
    {"random bytes, seed 1", 1}, {"random bytes, seed 2", 2}, {"random bytes, seed 3", 3},
    {"random bytes, seed 4", 4}, {"random bytes, seed 5", 5}, {"random bytes, seed 6", 6},
};

static int count_row(void *ctx, const struct store_row *row)
{
    (void)row;
    ++*(size_t *)ctx;
    return 0;
}

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

/* ---- The log, and mending that was cut short ---- */

static void rename_part(const struct folder *folder, const char *from, const char *to)
{
    char old[128], new[128];

    (void)snprintf(old, sizeof(old), "%s%s", folder->path, from);
    (void)snprintf(new, sizeof(new), "%s%s", folder->path, to);
    assert_int_equal(rename(old, new), 0);
}

/* Copies the files as they are while the store is open, as a crash would leave them. */
static void copy_part(const struct folder *from, const struct folder *to, const char *suffix)
{
    char command[512];

    (void)snprintf(command, sizeof(command), "cp '%s%s' '%s%s'", from->path, suffix, to->path,
                   suffix);
    assert_int_equal(system(command), 0);
}

static void crashed_copy(struct folder *copy)
{
    struct folder folder;

    folder_make(&folder);
    folder_make(copy);
    struct store *store = fill(&folder);
    copy_part(&folder, copy, "");
    copy_part(&folder, copy, "-wal");
    store->ops->close(store);
    folder_empty(&folder);
}

static void assert_all_saved(struct folder *folder, int damaged)
{
    struct store *store = folder_open(folder, STORE_SERVE);

    assert_int_equal(find_all(store).whole, ROWS);
    assert_string_equal(ids_in(store, STORE_FORCED), "5");
    assert_string_equal(ids_in(store, STORE_REPLAY), "10");
    assert_int_equal(counts_of(store).delivered, 77);
    assert_int_equal(folder_count(folder, ".damaged-"), damaged);
    assert_int_equal(folder_count(folder, ".mending"), 0);
    assert_int_equal(folder_count(folder, ".saved"), 0);
    assert_works(store);
    store->ops->close(store);
    folder_empty(folder);
}

static void log_left_by_a_crash_is_no_damage(void **state)
{
    (void)state;
    struct folder folder;

    crashed_copy(&folder);
    assert_all_saved(&folder, 0);
}

static void torn_log_loses_its_end_only(void **state)
{
    (void)state;
    struct folder folder;
    char name[128];
    struct stat st;

    crashed_copy(&folder);
    (void)snprintf(name, sizeof(name), "%s-wal", folder.path);
    assert_int_equal(stat(name, &st), 0);
    assert_int_equal(truncate(name, st.st_size - 5000), 0);
    struct store *store = folder_open(&folder, STORE_SERVE);
    assert_int_equal(folder_count(&folder, ".damaged-"), 0);
    assert_int_equal(find_all(store).whole, ROWS); /* the last commit was that of the replays */
    assert_int_equal(counts_of(store).pending, ROWS - ROWS / 5);
    store->ops->close(store);
    folder_empty(&folder);
}

static void mending_goes_on_when_only_the_file_was_moved(void **state)
{
    (void)state;
    struct folder folder;

    crashed_copy(&folder);
    rename_part(&folder, "", ".mending");
    assert_all_saved(&folder, 2); /* with its log */
}

static void mending_goes_on_when_all_was_moved(void **state)
{
    (void)state;
    struct folder folder;

    crashed_copy(&folder);
    rename_part(&folder, "", ".mending");
    rename_part(&folder, "-wal", ".mending-wal");
    assert_all_saved(&folder, 2);
}

static void mending_goes_on_when_saving_had_begun(void **state)
{
    (void)state;
    struct folder folder, half;
    char name[128];

    crashed_copy(&folder);
    rename_part(&folder, "", ".mending");
    rename_part(&folder, "-wal", ".mending-wal");
    folder_make(&half);
    struct store *store = fill(&half);
    store->ops->close(store);
    cut_in_half(&half);
    (void)snprintf(name, sizeof(name), "%s.saved", folder.path);
    assert_int_equal(rename(half.path, name), 0);
    folder_empty(&half);
    assert_all_saved(&folder, 2);
}

static void mending_ends_when_all_was_saved(void **state)
{
    (void)state;
    struct folder folder;
    char name[128];

    folder_make(&folder);
    struct store *store = fill(&folder);
    store->ops->close(store);
    (void)snprintf(name, sizeof(name), "%s.mending", folder.path);
    (void)close(open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    assert_all_saved(&folder, 1);
}

static void log_without_its_file_is_kept(void **state)
{
    (void)state;
    struct folder folder;

    crashed_copy(&folder);
    cut(&folder, 0);
    struct store *store = folder_open(&folder, STORE_SERVE);
    assert_int_equal(folder_count(&folder, "-wal"), 2); /* the old one, set aside, and the new */
    assert_int_equal(folder_count(&folder, ".damaged-"), 1);
    assert_works(store);
    store->ops->close(store);
    folder_empty(&folder);
}

/* ---- Damage that is met while serving ---- */

/* Too large to be looked through at the start, until there is a suspicion. */
static void damage_met_while_serving_is_mended_at_the_next_start(void **state)
{
    (void)state;
    enum { LARGE_ROWS = 70 };
    static char body[1 << 20];
    const struct store_filter all = {.last = STORE_FORCED};
    struct folder folder;
    size_t rows = 0;

    folder_make(&folder);
    struct store *store = folder_open(&folder, STORE_SERVE);
    for (uint64_t id = 1; id <= LARGE_ROWS; id++) {
        struct store_row row = row_of(id);
        row.body = (struct span){body, sizeof(body)};
        must_append(store, row);
    }
    store->ops->close(store);
    overwrite(&folder, root_of(&folder, "event"), PAGE, -1);

    store = folder_open(&folder, STORE_SERVE);
    assert_int_equal(store->ops->read(store, &all, count_row, &rows), STORE_BROKEN);
    assert_int_equal(folder_count(&folder, ".damaged-"), 0);
    assert_int_equal(folder_count(&folder, ".suspect"), 1);
    store->ops->close(store);

    store = folder_open(&folder, STORE_SERVE);
    assert_int_equal(folder_count(&folder, ".damaged-"), 1);
    assert_int_equal(folder_count(&folder, ".suspect"), 0);
    assert_int_equal(counts_of(store).dead, LARGE_ROWS);
    assert_works(store);
    store->ops->close(store);
    folder_empty(&folder);
}

static void command_does_not_mend(void **state)
{
    (void)state;
    struct folder folder;

    folder_make(&folder);
    struct store *store = fill(&folder);
    store->ops->close(store);
    zero_header(&folder);
    assert_refused(&folder, STORE_BESIDE, "mends it when it serves");
    assert_int_equal(folder_count(&folder, ".damaged-"), 0);
    folder_empty(&folder);
}

static const struct CMUnitTest plain_tests[] = {
    cmocka_unit_test(log_left_by_a_crash_is_no_damage),
    cmocka_unit_test(torn_log_loses_its_end_only),
    cmocka_unit_test(mending_goes_on_when_only_the_file_was_moved),
    cmocka_unit_test(mending_goes_on_when_all_was_moved),
    cmocka_unit_test(mending_goes_on_when_saving_had_begun),
    cmocka_unit_test(mending_ends_when_all_was_saved),
    cmocka_unit_test(log_without_its_file_is_kept),
    cmocka_unit_test(damage_met_while_serving_is_mended_at_the_next_start),
    cmocka_unit_test(command_does_not_mend),
};

int main(void)
{
    static struct CMUnitTest
        tests[array_len(plain_tests) + array_len(damage_cases) + array_len(flip_cases)];
    size_t len = array_len(plain_tests);

    memcpy(tests, plain_tests, sizeof(plain_tests));
    len = rows_add(tests, len, damage_cases, damaged_file_is_replaced);
    rows_add(tests, len, flip_cases, flipped_bytes_do_not_keep_it_from_opening);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
