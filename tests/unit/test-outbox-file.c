/* SPDX-License-Identifier: MIT */
/* The SQLite store's file: who may own and open it, and the complaints about others. */
#include "tests/unit/lib/store_world.h"

#include <sqlite3.h>

/* ---- Helpers ---- */

static int64_t sql_number(const struct folder *folder, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;

    assert_int_equal(sqlite3_open(folder->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return number;
}

/* All bytes of the file; the caller frees them. */
static struct buf file_bytes(const char *path)
{
    struct buf bytes = BUF_NULL;
    char chunk[4096];
    size_t len;
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    while ((len = fread(chunk, 1, sizeof(chunk), file)) > 0)
        assert_int_equal(buf_append(&bytes, chunk, len), 0);
    (void)fclose(file);
    return bytes;
}

static void close_store(struct store *store)
{
    assert_null(store->ops->close(store));
}

/* ---- The file ---- */

static void assert_mode(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void only_its_owner_can_read_it(void **state)
{
    struct folder *folder = *state;
    mode_t before = umask(0);
    struct store *store = folder_open(folder, STORE_SERVE);

    must_append(store, row_of(1));
    assert_mode(folder->path);
    assert_mode(folder_beside(folder, "-wal"));
    assert_mode(folder_beside(folder, "-shm"));
    assert_mode(folder_beside(folder, ".lock"));
    close_store(store);
    (void)umask(before);
}

static void only_its_owner_can_read_what_was_saved(void **state)
{
    struct folder *folder = *state;
    mode_t before = umask(0);

    close_store(folder_open(folder, STORE_SERVE));
    folder_write(folder, "", "{}");
    struct store *store = folder_open(folder, STORE_SERVE);
    must_append(store, row_of(1));
    assert_int_equal(folder_count(folder, "damaged"), 1);
    assert_mode(folder->path);
    assert_mode(folder_beside(folder, "-wal"));
    close_store(store);
    (void)umask(before);
}

static void nothing_but_the_file_is_left_behind(void **state)
{
    struct folder *folder = *state;
    struct store *store = folder_open(folder, STORE_SERVE);

    must_append(store, row_of(1));
    close_store(store);
    assert_int_equal(folder_count(folder, "outbox"), 2); /* it, and the lock */
    assert_int_equal(folder_count(folder, ".lock"), 1);
}

/* WAL or not: https://sqlite.org/fileformat2.html, 1.3.3 */
static int write_version(const struct folder *folder)
{
    struct buf bytes = file_bytes(folder->path);
    int version = bytes.at[18];

    buf_done(&bytes);
    return version;
}

/* A closed file is whole, and says that no log belongs to it; not while another process has the
 * file open. */
static void it_says_what_it_is(void **state)
{
    struct folder *folder = *state;
    struct store *store = folder_open(folder, STORE_SERVE);

    assert_int_equal(write_version(folder), 2);
    close_store(store);
    assert_int_equal(write_version(folder), 1);
    assert_int_equal(sql_number(folder, "PRAGMA application_id"), 0x43767852);
    assert_int_equal(sql_number(folder, "PRAGMA user_version"), 2);
    struct store *one = folder_open(folder, STORE_BESIDE);
    struct store *other = folder_open(folder, STORE_BESIDE);
    assert_int_equal(write_version(folder), 2);
    close_store(one);
    assert_int_equal(write_version(folder), 2);
    close_store(other);
    assert_int_equal(write_version(folder), 1);
}

static void delivered_event_leaves_no_rows(void **state)
{
    struct folder *folder = *state;
    struct store *store = folder_open(folder, STORE_SERVE);

    must_append(store, row_of(1));
    must_deliver(store, 1);
    close_store(store);
    assert_int_equal(sql_number(folder, "SELECT (SELECT count(*) FROM event)"
                                        " + (SELECT count(*) FROM body)"),
                     0);
}

/* Where that takes no write more; the log is gone once the file is closed. */
static void delivered_event_is_overwritten(void **state)
{
    static const char text[] = "what nobody is to find";
    struct folder *folder = *state;
    struct store *store = folder_open(folder, STORE_SERVE);

    for (uint64_t id = 1; id <= 3; id++) {
        struct store_row row = row_of(id);
        row.body = (struct span){text, strlen(text)};
        must_append(store, row);
    }
    for (uint64_t id = 1; id <= 3; id++)
        must_deliver(store, id);
    close_store(store);
    struct buf bytes = file_bytes(folder->path);
    assert_null(memmem(bytes.at, bytes.len, text, strlen(text)));
    buf_done(&bytes);
}

static void file_that_was_made_but_not_filled_will_do(void **state)
{
    struct folder *folder = *state;

    (void)close(open(folder->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    struct store *store = folder_open(folder, STORE_SERVE);
    must_append(store, row_of(1));
    close_store(store);
    assert_int_equal(folder_count(folder, "damaged"), 0);
}

static void link_leads_to_the_same_lock(void **state)
{
    struct folder *folder = *state;
    struct folder other = *folder;
    struct store *store = folder_open(folder, STORE_SERVE);

    (void)snprintf(other.path, sizeof(other.path), "%s/link.db", folder->at);
    assert_int_equal(symlink(folder->path, other.path), 0);
    assert_put_off(&other, STORE_SERVE, "in use by another relay");
    close_store(store);
    close_store(folder_open(&other, STORE_SERVE));
    buf_done(&other.why);
}

static void path_may_be_relative(void **state)
{
    struct folder *folder = *state;
    struct folder here = {.path = "relative.db"};
    char before[512];

    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(folder->at), 0);
    struct store *store = folder_open(&here, STORE_SERVE);
    assert_int_equal(chdir(before), 0);
    must_append(store, row_of(1)); /* it does not depend on the folder any more */
    assert_true(counts_of(store).bytes > 0);
    close_store(store);
    assert_int_equal(folder_count(folder, "relative.db"), 2);
}

/* ---- Two at once ---- */

static void second_relay_is_refused(void **state)
{
    struct folder *folder = *state;
    struct store *store = folder_open(folder, STORE_SERVE);

    assert_put_off(folder, STORE_SERVE, "in use by another relay");
    must_append(store, row_of(1));
    close_store(store);
    store = folder_open(folder, STORE_SERVE);
    assert_string_equal(ids_in(store, STORE_PENDING), "1");
    close_store(store);
}

static void command_works_beside_a_relay(void **state)
{
    struct folder *folder = *state;
    struct store *store = folder_open(folder, STORE_SERVE);
    bool changed;

    must_append(store, row_of(1));
    must_append(store, row_of(2));
    must_bury(store, died(1, "x"));
    struct store *beside = folder_open(folder, STORE_BESIDE);
    assert_string_equal(ids_in(beside, STORE_DEAD), "1");
    must_begin(beside);
    assert_int_equal(beside->ops->discard(beside, 1), 0);
    must_commit(beside);

    assert_int_equal(store->ops->changed(store, &changed), 0);
    assert_true(changed);
    assert_int_equal(store->ops->changed(store, &changed), 0);
    assert_false(changed);
    assert_int_equal(counts_of(store).discarded, 1);
    must_deliver(store, 2);
    assert_int_equal(beside->ops->changed(beside, &changed), 0);
    assert_true(changed);
    assert_int_equal(counts_of(beside).delivered, 1);
    close_store(beside);
    must_append(store, row_of(3));
    close_store(store);
}

static void command_works_without_a_relay(void **state)
{
    struct folder *folder = *state;
    struct store *store = folder_open(folder, STORE_SERVE);

    must_append(store, row_of(1));
    close_store(store);
    store = folder_open(folder, STORE_BESIDE);
    must_bury(store, died(1, "x"));
    close_store(store);
    store = folder_open(folder, STORE_SERVE);
    assert_string_equal(ids_in(store, STORE_DEAD), "1");
    close_store(store);
}

/* ---- What is refused ---- */

static void command_needs_a_file(void **state)
{
    struct folder *folder = *state;

    assert_refused(folder, STORE_BESIDE, "no such file");
    assert_int_equal(folder_count(folder, "outbox"), 0);
    (void)close(open(folder->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    assert_refused(folder, STORE_BESIDE, "holds no outbox");
}

static void missing_folder_is_named(void **state)
{
    struct folder *folder = *state;

    (void)snprintf(folder->path, sizeof(folder->path), "%s/none/outbox.db", folder->at);
    assert_put_off(folder, STORE_SERVE, "folder cannot be entered: No such file or directory");
    assert_refused(folder, STORE_BESIDE, "no such file");
}

static void folder_is_no_file(void **state)
{
    struct folder *folder = *state;

    (void)snprintf(folder->path, sizeof(folder->path), "%s", folder->at);
    assert_refused(folder, STORE_SERVE, "is not a file");
    assert_refused(folder, STORE_BESIDE, "is not a file");
}

/* Refused, and not touched. */
static void assert_left_alone(struct folder *folder, enum store_mode mode, const char *text)
{
    struct buf before = file_bytes(folder->path);

    assert_refused(folder, mode, text);
    struct buf after = file_bytes(folder->path);
    assert_true(span_eq(buf_span(&before), buf_span(&after)));
    assert_int_equal(folder_count(folder, "damaged"), 0);
    buf_done(&before);
    buf_done(&after);
}

static void somebody_elses_file_is_left_alone(void **state)
{
    struct folder *folder = *state;

    folder_write(folder, "", "{\"users\":{\"mutation\":\"users:sync\"}}\n");
    assert_int_equal(chmod(folder->path, 0644), 0);
    assert_left_alone(folder, STORE_SERVE, "somebody else's file");
    assert_int_equal(folder_count(folder, "outbox"), 1);
    struct stat st;
    assert_int_equal(stat(folder->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    folder_write(folder, "", "short");
    assert_left_alone(folder, STORE_SERVE, "somebody else's file");
}

/* The lock file beside it says that the file is ours. */
static void damaged_one_is_not_somebody_elses(void **state)
{
    struct folder *folder = *state;

    close_store(folder_open(folder, STORE_SERVE));
    folder_write(folder, "", "{}");
    close_store(folder_open(folder, STORE_SERVE));
    assert_int_equal(folder_count(folder, "damaged"), 1);
}

static void newer_version_is_left_alone(void **state)
{
    struct folder *folder = *state;

    close_store(folder_open(folder, STORE_SERVE));
    run_sql(folder, "PRAGMA user_version = 3");
    assert_left_alone(folder, STORE_SERVE, "newer version");
    assert_left_alone(folder, STORE_BESIDE, "newer version");
}

struct foreign_case {
    const char *name;
    const char *sql;
};

static struct foreign_case foreign_cases[] = {
    {"a database with another application's id",
     "PRAGMA application_id = 7; CREATE TABLE event (id)"},
    {"a database with tables and no id", "CREATE TABLE notes (text)"},
    {"a database with a version and no id", "PRAGMA user_version = 1; VACUUM"},
};

static void foreign_database_is_left_alone(void **state)
{
    const struct foreign_case *foreign_case = *state;
    struct folder folder;

    folder_make(&folder);
    run_sql(&folder, foreign_case->sql);
    assert_left_alone(&folder, STORE_SERVE, "something else");
    assert_left_alone(&folder, STORE_BESIDE, "something else");
    folder_empty(&folder);
}

static void copy_beside(const struct folder *from, const struct folder *to, const char *suffix)
{
    struct buf bytes = file_bytes(folder_beside(from, suffix));
    FILE *file = fopen(folder_beside(to, suffix), "wbe");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes.at, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
    buf_done(&bytes);
}

/* A new database in WAL mode whose program was killed: the file tells nothing yet. */
static void crash_with(const char *sql, struct folder *copy)
{
    struct folder folder;
    sqlite3 *db = NULL;

    folder_make(&folder);
    assert_int_equal(sqlite3_open(folder.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    copy_beside(&folder, copy, "");
    copy_beside(&folder, copy, "-wal");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    folder_empty(&folder);
}

static void foreign_database_keeps_its_log(void **state)
{
    struct folder *folder = *state;

    crash_with("CREATE TABLE notes (text); INSERT INTO notes VALUES ('x')", folder);
    struct buf before = file_bytes(folder_beside(folder, "-wal"));
    assert_left_alone(folder, STORE_SERVE, "something else");
    assert_left_alone(folder, STORE_BESIDE, "something else");
    assert_int_equal(folder_count(folder, "outbox"), 2);
    struct buf after = file_bytes(folder_beside(folder, "-wal"));
    assert_true(span_eq(buf_span(&before), buf_span(&after)));
    buf_done(&before);
    buf_done(&after);
}

/* The same of an outbox that was killed in its first moments. */
static void log_alone_tells_whose_it_is(void **state)
{
    struct folder *folder = *state;
    struct folder first;

    folder_make(&first);
    struct store *store = folder_open(&first, STORE_SERVE);
    must_append(store, row_of(1));
    copy_beside(&first, folder, "");
    copy_beside(&first, folder, "-wal");
    close_store(store);
    folder_empty(&first);
    struct buf bytes = file_bytes(folder->path);
    assert_int_equal(bytes.at[68], 0); /* no application_id */
    buf_done(&bytes);
    store = folder_open(folder, STORE_SERVE);
    assert_string_equal(ids_in(store, STORE_PENDING), "1");
    close_store(store);
}

static void log_of_another_outbox_is_not_applied(void **state)
{
    struct folder *folder = *state;
    struct folder other;

    folder_make(&other);
    struct store *store = folder_open(&other, STORE_SERVE); /* as many commits as the first */
    must_append(store, row_of(7));
    copy_beside(&other, folder, "-wal");
    copy_beside(&other, folder, "-shm");
    close_store(store);
    folder_empty(&other);

    folder_make(&other);
    store = folder_open(&other, STORE_SERVE);
    must_append(store, row_of(1));
    close_store(store);
    copy_beside(&other, folder, "");
    folder_empty(&other);

    assert_refused(folder, STORE_BESIDE, "beside the log of another file");
    store = folder_open(folder, STORE_SERVE);
    assert_string_equal(ids_in(store, STORE_PENDING), "1");
    assert_int_equal(folder_count(folder, ".damaged-"), 1);
    close_store(store);
    store = folder_open(folder, STORE_BESIDE);
    assert_string_equal(ids_in(store, STORE_PENDING), "1");
    close_store(store);
}

#define file_test(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

static const struct CMUnitTest plain_tests[] = {
    file_test(only_its_owner_can_read_it),
    file_test(only_its_owner_can_read_what_was_saved),
    file_test(nothing_but_the_file_is_left_behind),
    file_test(it_says_what_it_is),
    file_test(delivered_event_leaves_no_rows),
    file_test(delivered_event_is_overwritten),
    file_test(file_that_was_made_but_not_filled_will_do),
    file_test(link_leads_to_the_same_lock),
    file_test(path_may_be_relative),
    file_test(second_relay_is_refused),
    file_test(command_works_beside_a_relay),
    file_test(command_works_without_a_relay),
    file_test(command_needs_a_file),
    file_test(missing_folder_is_named),
    file_test(folder_is_no_file),
    file_test(somebody_elses_file_is_left_alone),
    file_test(damaged_one_is_not_somebody_elses),
    file_test(newer_version_is_left_alone),
    file_test(foreign_database_keeps_its_log),
    file_test(log_alone_tells_whose_it_is),
    file_test(log_of_another_outbox_is_not_applied),
};

int main(void)
{
    static struct CMUnitTest tests[array_len(plain_tests) + array_len(foreign_cases)];

    memcpy(tests, plain_tests, sizeof(plain_tests));
    rows_add(tests, array_len(plain_tests), foreign_cases, foreign_database_is_left_alone);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
