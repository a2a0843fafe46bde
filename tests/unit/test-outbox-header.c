/* SPDX-License-Identifier: MIT */
/* Whose a file is, by the first bytes and by the files beside it. */
#include "tests/unit/lib/store_world.h"

#include <sys/syscall.h>

#include "outbox/sqlite_header.h"

/* What happens right behind the next reading of a file's beginning: a moment in which another
 * program may do anything. In the place of the C library's. */
static void (*meanwhile)(struct folder *folder);
static struct folder *meanwhile_in;

ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
    ssize_t n = syscall(SYS_pread64, fd, bytes, len, at);
    void (*happens)(struct folder * folder) = meanwhile;

    if (happens && at == 0) {
        meanwhile = NULL;
        happens(meanwhile_in);
    }
    return n;
}

/* ---- What may be there ---- */

static void put_nothing(struct folder *folder)
{
    (void)folder;
}

static void put_empty(struct folder *folder)
{
    folder_write(folder, "", "");
}

static void put_text(struct folder *folder)
{
    folder_write(folder, "", "Dear diary");
}

static void put_text_and_lock(struct folder *folder)
{
    put_text(folder);
    folder_write(folder, ".lock", "");
}

static void put_blank_database(struct folder *folder)
{
    run_sql(folder, "PRAGMA journal_mode = WAL");
}

static void put_other_database(struct folder *folder)
{
    run_sql(folder, "CREATE TABLE diary (day)");
}

static void put_outbox(struct folder *folder)
{
    struct store *store = folder_open(folder, STORE_SERVE);

    must_append(store, row_of(1));
    store->ops->close(store);
}

static void put_outbox_and_log(struct folder *folder)
{
    put_outbox(folder);
    folder_write(folder, "-wal", "of another one");
}

static void put_backup_and_log(struct folder *folder)
{
    char id[64];

    (void)snprintf(id, sizeof(id), "PRAGMA application_id = %d", SQLITE_APPLICATION_BACKUP);
    put_outbox(folder);
    run_sql(folder, id);
    folder_write(folder, "-wal", "of what it replaces");
}

static struct owner_case {
    const char *name;
    void (*put)(struct folder *folder);
    enum sqlite_header_owner owner;
} owner_cases[] = {
    {"nothing", put_nothing, HEADER_OF_OURS},
    {"an empty file", put_empty, HEADER_OF_OURS},
    {"a database that is blank", put_blank_database, HEADER_OF_OURS},
    {"a database of something else", put_other_database, HEADER_OF_ANOTHER_DATABASE},
    {"a text", put_text, HEADER_OF_NO_DATABASE},
    {"what a relay had open, and is damaged", put_text_and_lock, HEADER_OF_OURS},
    {"an outbox that was closed", put_outbox, HEADER_OF_OURS},
    {"an outbox that was closed, and a log", put_outbox_and_log, HEADER_OF_OURS_BESIDE_A_WAL},
    {"a backup, and a log", put_backup_and_log, HEADER_OF_A_BACKUP_BESIDE_A_WAL},
};

static void owner_is_told(void **state)
{
    const struct owner_case *owner_case = *state;
    struct folder folder;

    folder_make(&folder);
    owner_case->put(&folder);
    assert_int_equal(sqlite_header_owner(folder.path), owner_case->owner);
    folder_empty(&folder);
}

/* ---- A relay that starts meanwhile ---- */

static struct store *started;

static void a_relay_starts(struct folder *folder)
{
    started = folder_open(folder, STORE_SERVE);
    must_append(started, row_of(2));
}

/* The file was seen as one that is closed, and the log as one that has content. */
static void log_of_a_relay_that_starts_is_no_others(void **state)
{
    struct folder *folder = *state;

    put_outbox(folder);
    meanwhile_in = folder;
    meanwhile = a_relay_starts;
    assert_int_equal(sqlite_header_owner(folder->path), HEADER_OF_OURS);
    assert_null(meanwhile);
    assert_int_equal(folder_count(folder, "-wal"), 1);
    assert_int_equal(counts_of(started).pending, 2);
    started->ops->close(started);
}

int main(void)
{
    static struct CMUnitTest tests[array_len(owner_cases) + 1] = {
        cmocka_unit_test_setup_teardown(log_of_a_relay_that_starts_is_no_others, folder_setup,
                                        folder_teardown),
    };

    rows_add(tests, 1, owner_cases, owner_is_told);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
