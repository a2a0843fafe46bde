/* SPDX-License-Identifier: MIT */
/*
 * A mending, under a relay that serves, that does not come to an end at once: until then the relay
 * keeps the open files, and nobody takes them away. Another process might: this program once more,
 * since SQLite's locks do not work within one process.
 */
#include "tests/unit/lib/damage_world.h"
#include "tests/unit/lib/fault_memory.h"
#include "tests/unit/lib/fault_vfs.h"

#include <dirent.h>
#include <limits.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "outbox/sqlite_files.h"

enum { MENDINGS = 100 };

/* ---- Another process ---- */

enum { OTHER_OPENED = 0, OTHER_KILLED = 9, OTHER_FAILED = 10 /* and what the opening returned */ };

/* A kill at the nth renaming from now on; 0: none. In the place of the C library's. */
static long die_at;

int rename(const char *from, const char *to)
{
    if (die_at > 0 && --die_at == 0)
        _exit(OTHER_KILLED);
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

/* The mending begins with a damaged file, all of which is in the log. */
static int other_mends(struct folder *folder, bool disk_is_bad, long nth)
{
    struct store *store = fill(folder);

    lose_a_body(folder);
    sqlite_files_suspect(folder->path);
    if (disk_is_bad)
        fault_vfs_plan(FAULT_EIO, FAULT_WRITES, 1);
    die_at = nth;
    (void)store->ops->tend(store, NULL);
    _exit(OTHER_OPENED); /* without closing it */
}

static int other_main(const char *mode, const char *path)
{
    struct folder folder = {0};
    struct store *store = NULL;
    struct store_counts counts;

    log_setup(LOG_ERROR + 1, LOG_TEXT);
    (void)snprintf(folder.path, sizeof(folder.path), "%s", path);
    if (strncmp(mode, "mend", 4) == 0)
        return other_mends(&folder, false, atol(mode + 4));
    if (strncmp(mode, "fail", 4) == 0) {
        fault_vfs_install();
        return other_mends(&folder, true, atol(mode + 4));
    }
    int r =
        folder_try_open(&folder, strcmp(mode, "serve") == 0 ? STORE_SERVE : STORE_BESIDE, &store);
    if (!r)
        r = store->ops->counts(store, &counts);
    if (store)
        store->ops->close(store);
    buf_done(&folder.why);
    return r ? OTHER_FAILED + abs(r) : OTHER_OPENED;
}

static int other_run(const struct folder *folder, const char *mode)
{
    char exe[PATH_MAX] = "";
    char *const argv[] = {exe, (char *)mode, (char *)folder->path, NULL};
    extern char **environ;
    int status;
    pid_t child;

    assert_in_range(readlink("/proc/self/exe", exe, sizeof(exe) - 1), 1, sizeof(exe) - 2);
    assert_int_equal(posix_spawn(&child, exe, NULL, NULL, argv, environ), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void assert_no_second_relay(const struct folder *folder)
{
    char lock[160];

    (void)snprintf(lock, sizeof(lock), "%s.lock", folder->path);
    (void)unlink(lock);
    assert_int_equal(other_run(folder, "serve"), OTHER_FAILED + STORE_BUSY);
}

static int open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    (void)closedir(dir);
    return n;
}

/* ---- What fails ---- */

static void memory_install(void)
{
    (void)sqlite3_shutdown();
    fault_memory_install();
}

static bool memory_fails(struct store *store, long nth)
{
    fault_memory_plan(nth, false);
    (void)store->ops->tend(store, NULL);
    bool struck = fault_memory_struck();
    fault_memory_plan(0, false);
    return struck;
}

static bool disk_tend(struct store *store, enum fault_kind kind, unsigned calls, long nth)
{
    fault_vfs_plan(kind, calls, nth);
    (void)store->ops->tend(store, NULL);
    bool struck = fault_vfs_struck();
    fault_vfs_plan(FAULT_NONE, 0, 0);
    return struck;
}

static bool disk_fails(struct store *store, long nth)
{
    return disk_tend(store, FAULT_EIO_ONCE, FAULT_READS | FAULT_WRITES | FAULT_SYNCS, nth);
}

static bool disk_is_full(struct store *store, long nth)
{
    return disk_tend(store, FAULT_FULL, FAULT_WRITES | FAULT_SYNCS, nth);
}

static bool descriptors_are_short(struct store *store, long nth)
{
    return disk_tend(store, FAULT_EIO, FAULT_OPENS, nth);
}

static struct fault_case {
    const char *name;
    void (*install)(void);
    void (*remove)(void);
    bool (*tend)(struct store *store, long nth);
} fault_cases[] = {
    {"memory", memory_install, fault_memory_remove, memory_fails},
    {"the disk, once", fault_vfs_install, fault_vfs_remove, disk_fails},
    {"descriptors", fault_vfs_install, fault_vfs_remove, descriptors_are_short},
    {"the disk is full", fault_vfs_install, fault_vfs_remove, disk_is_full},
};

/* All goes on as before, or nothing does: then there is a new file, or none. Returns how many
 * events were taken. */
static uint64_t assert_not_harmed(struct folder *folder, struct store *store)
{
    struct store_row row = row_of(ROWS + 1);

    (void)other_run(folder, "beside");
    if (store->ops->begin(store))
        return 0;
    assert_int_equal(store->ops->append(store, &row), 0);
    must_commit(store);
    assert_int_equal(other_run(folder, "beside"), OTHER_OPENED);
    must_append(store, row_of(ROWS + 2));
    assert_no_second_relay(folder);
    return 2;
}

static void what_fails_half_way_is_done_the_next_time(void **state)
{
    const struct fault_case *fault_case = *state;
    bool struck = true;

    fault_case->install();
    for (long nth = 1; struck; nth += 1 + nth / 6) {
        struct folder folder;
        folder_make(&folder);
        struct store *store = open_damaged(&folder, lose_a_body);
        int files = open_files();
        assert_int_equal(read_pending(store), STORE_BROKEN);
        struck = fault_case->tend(store, nth);
        uint64_t taken = assert_not_harmed(&folder, store);
        if (nth == 1) /* before there was a new file: it goes on with the old one */
            assert_int_equal(taken, 2);
        store_clock_leap();
        assert_int_equal(store->ops->tend(store, NULL), 0);
        assert_int_equal(damaged_files(&folder), 1);
        assert_int_equal(counts_of(store).spoilt, 1);
        assert_int_equal(counts_of(store).pending + counts_of(store).dead, ROWS - 1 + taken);
        assert_int_equal(other_run(&folder, "beside"), OTHER_OPENED);
        assert_no_second_relay(&folder);
        assert_works(store);
        assert_in_range(open_files(), 0, files);
        store->ops->close(store);
        folder_empty(&folder);
    }
    fault_case->remove();
}

static void start_that_is_short_of_descriptors_loses_nothing(void **state)
{
    bool struck = true;

    (void)state;
    fault_vfs_install();
    for (long nth = 1; struck; nth++) {
        struct folder folder;
        folder_make(&folder);
        struct store *store = fill(&folder);
        store = store->ops->close(store);
        lose_a_body(&folder);
        fault_vfs_plan(FAULT_EIO, FAULT_OPENS, nth);
        (void)folder_try_open(&folder, STORE_SERVE, &store);
        struck = fault_vfs_struck();
        fault_vfs_plan(FAULT_NONE, 0, 0);
        if (store)
            store->ops->close(store);
        store = folder_open(&folder, STORE_SERVE);
        assert_int_equal(damaged_files(&folder), 1);
        assert_int_equal(find_all(store).whole, ROWS - 1);
        assert_int_equal(counts_of(store).discarded, 1);
        store->ops->close(store);
        folder_empty(&folder);
    }
    fault_vfs_remove();
}

/* ---- What is killed half-way ---- */

static struct kill_case {
    const char *name, *mode;
} kill_cases[] = {
    {"killed while it mends", "mend"},
    {"killed while it puts back what it cannot mend", "fail"},
};

static void kill_at_any_renaming_loses_nothing(void **state)
{
    const struct kill_case *kill_case = *state;
    int r = OTHER_KILLED;

    for (long nth = 1; r == OTHER_KILLED; nth++) {
        struct folder folder;
        char mode[32];
        folder_make(&folder);
        (void)snprintf(mode, sizeof(mode), "%s%ld", kill_case->mode, nth);
        r = other_run(&folder, mode);
        assert_true(r == OTHER_KILLED || (r == OTHER_OPENED && nth > 4));
        struct store *store = folder_open(&folder, STORE_SERVE);
        assert_int_equal(find_all(store).whole, ROWS - 1);
        assert_int_equal(counts_of(store).discarded, 1);
        assert_int_equal(folder_count(&folder, ".mending"), 0);
        assert_int_equal(folder_count(&folder, ".saved"), 0);
        assert_works(store);
        store->ops->close(store);
        folder_empty(&folder);
    }
}

/* ---- Again and again ---- */

static void damage_again(const struct folder *folder, struct store *store)
{
    uint64_t id;

    assert_int_equal(store->ops->id_mark(store, &id), 0);
    must_append(store, row_of(id + 1));
    run_sql(folder, "DELETE FROM body WHERE id = (SELECT max(id) FROM body)");
    sqlite_files_suspect(folder->path);
}

static void hundred_mendings_leave_nothing_open(void **state)
{
    struct folder *folder = *state;
    struct store *store = fill(folder);
    int files = 0;

    for (int i = 1; i <= MENDINGS; i++) {
        if (i == 5)
            files = open_files(); /* SQLite keeps one for the next opening */
        if (i % 2)
            damage_again(folder, store);
        else
            sqlite_files_suspect(folder->path); /* without reason */
        store_clock_leap();
        assert_int_equal(store->ops->tend(store, NULL), 0);
    }
    assert_int_equal(damaged_files(folder), MENDINGS / 2);
    assert_int_equal(counts_of(store).spoilt, MENDINGS / 2);
    assert_int_equal(find_all(store).whole, ROWS);
    assert_in_range(open_files(), 0, files);
    assert_no_second_relay(folder);
    assert_int_equal(other_run(folder, "beside"), OTHER_OPENED);
    assert_works(store);
    store->ops->close(store);
}

/* ---- Files that are not its own any more ---- */

static void exchange(const struct folder *folder, const char *suffix)
{
    char command[512];

    (void)snprintf(command, sizeof(command), "cd %s && mv outbox.db%s away && cp away outbox.db%s",
                   folder->at, suffix, suffix);
    assert_int_equal(system(command), 0);
}

static void put_away(const struct folder *folder, const char *suffix)
{
    char away[160];

    (void)snprintf(away, sizeof(away), "%s/away", folder->at);
    assert_int_equal(rename(folder_beside(folder, suffix), away), 0);
}

static void put_back(const struct folder *folder, const char *suffix)
{
    char away[160];

    (void)snprintf(away, sizeof(away), "%s/away", folder->at);
    assert_int_equal(rename(away, folder_beside(folder, suffix)), 0);
}

static struct moved_case {
    const char *name, *suffix;
    void (*move)(const struct folder *folder, const char *suffix);
} moved_cases[] = {
    {"the file is gone", "", put_away}, {"the file is another", "", exchange},
    {"-wal is gone", "-wal", put_away}, {"-wal is another", "-wal", exchange},
    {"-shm is gone", "-shm", put_away}, {"-shm is another", "-shm", exchange},
};

/* It would go on with what stands there, or with nothing. */
static void what_was_moved_is_not_mended(void **state)
{
    const struct moved_case *moved_case = *state;
    struct folder folder;

    folder_make(&folder);
    struct store *store = open_damaged(&folder, lose_a_body);
    must_append(store, row_of(ROWS + 1));
    assert_int_equal(read_pending(store), STORE_BROKEN);
    moved_case->move(&folder, moved_case->suffix);
    assert_int_equal(store->ops->tend(store, NULL), STORE_BROKEN);
    assert_int_equal(store->ops->begin(store), STORE_BROKEN);
    assert_int_equal(damaged_files(&folder), 0);

    put_back(&folder, moved_case->suffix);
    store_clock_leap();
    assert_int_equal(store->ops->tend(store, NULL), 0);
    assert_int_equal(counts_of(store).spoilt, 1);
    assert_int_equal(counts_of(store).pending + counts_of(store).dead, ROWS);
    assert_no_second_relay(&folder);
    store->ops->close(store);
    folder_empty(&folder);
}

/* The lock file is gone, and there is no file that could have a lock. */
static void what_is_being_mended_is_not_taken_by_another(void **state)
{
    struct folder *folder = *state;
    struct store *store = fill(folder);
    char mending[160];

    (void)snprintf(mending, sizeof(mending), "%s.mending", folder->path);
    assert_int_equal(rename(folder->path, mending), 0);
    for (size_t i = 1; i < 3; i++) {
        static const char *const suffixes[] = {"", "-wal", "-shm"};
        assert_no_second_relay(folder);
        (void)snprintf(mending, sizeof(mending), "%s.mending%s", folder->path, suffixes[i]);
        assert_int_equal(rename(folder_beside(folder, suffixes[i]), mending), 0);
    }
    assert_no_second_relay(folder);
    assert_int_equal(folder_count(folder, ".damaged"), 0);
    store->ops->close(store);
    store = folder_open(folder, STORE_SERVE); /* gone; another one ends the mending */
    assert_int_equal(find_all(store).whole, ROWS);
    store->ops->close(store);
}

static int group_setup(void **state)
{
    (void)state;
    log_setup(LOG_ERROR + 1, LOG_TEXT);
    return 0;
}

static const struct CMUnitTest plain_tests[] = {
    cmocka_unit_test(start_that_is_short_of_descriptors_loses_nothing),
    cmocka_unit_test_setup_teardown(what_is_being_mended_is_not_taken_by_another, folder_setup,
                                    folder_teardown),
    cmocka_unit_test_setup_teardown(hundred_mendings_leave_nothing_open, folder_setup,
                                    folder_teardown),
};

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[array_len(plain_tests) + array_len(fault_cases) +
                                   array_len(moved_cases) + array_len(kill_cases)];
    size_t len = array_len(plain_tests);

    if (argc == 3)
        return other_main(argv[1], argv[2]);
    memcpy(tests, plain_tests, sizeof(plain_tests));
    rows_add(tests, len, fault_cases, what_fails_half_way_is_done_the_next_time);
    len += array_len(fault_cases);
    rows_add(tests, len, moved_cases, what_was_moved_is_not_mended);
    len += array_len(moved_cases);
    rows_add(tests, len, kill_cases, kill_at_any_renaming_loses_nothing);
    return cmocka_run_group_tests(tests, group_setup, NULL);
}
