/* SPDX-License-Identifier: MIT */
/*
 * The SQLite store where no measure tells how much room there is: quotas of users, limits for the
 * size of files, and readers that keep the log from being folded in.
 */
#include "tests/unit/lib/disk_world.h"
#include "tests/unit/lib/store_connection.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

/* ---- Quotas ---- */

/*
 * A user's quota: the disk seems to have room, and whatever needs some fails with an errno of its
 * own. What can be had is what the disk has, whose size is known.
 */
static int quota_errno; /* 0: there is none */

int statvfs(const char *path, struct statvfs *out)
{
    struct statfs disk;

    if (statfs(path, &disk) != 0)
        return -1;
    *out = (struct statvfs){
        .f_bsize = (unsigned long)disk.f_bsize,
        .f_frsize = (unsigned long)disk.f_bsize,
        .f_blocks = disk.f_blocks,
        .f_bavail = quota_errno ? UINT32_MAX : disk.f_bavail,
        .f_flag = (unsigned long)disk.f_flags,
    };
    return 0;
}

static ssize_t quota_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    ssize_t n = syscall(SYS_pwrite64, fd, bytes, len, at);

    if (n < 0 && errno == ENOSPC && quota_errno)
        errno = quota_errno;
    return n;
}

static void quota_set(int error)
{
    static const char *const calls[] = {"pwrite", "pwrite64"};
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

    quota_errno = error;
    for (size_t i = 0; i < array_len(calls); i++)
        if (vfs->xGetSystemCall(vfs, calls[i]))
            (void)vfs->xSetSystemCall(vfs, calls[i],
                                      error ? (sqlite3_syscall_ptr)quota_pwrite : NULL);
}

static struct store *open_in_quota(struct folder *folder, const char *size, int error)
{
    struct store *store = open_on_disk(folder, size);

    quota_set(error);
    return store;
}

static void close_in_quota(struct folder *folder, struct store *store)
{
    close_on_disk(folder, store);
    quota_set(0);
}

/* Appends as many events as are given, from 1 on. */
static void append_up_to(struct store *store, uint64_t last)
{
    for (uint64_t id = 1; id <= last; id++)
        assert_int_equal(append_one(store, id), 0);
}

static struct quota_case {
    const char *name;
    int error;
} quota_cases[] = {
    {"a full quota refuses new events only", EDQUOT},
    {"files of the largest size refuse new events only", EFBIG},
    {"a full disk that does not say so refuses new events only", ENOSPC},
};

static void quota_that_no_measure_tells_of(void **state)
{
    const struct quota_case *quota_case = *state;
    struct folder folder;

    struct store *store = open_in_quota(&folder, "4m", quota_case->error);
    assert_settles_with_nothing_left(&folder, store);
    close_in_quota(&folder, store);
}

static struct quota_case discard_cases[] = {
    {"letters are discarded beside a relay in a full quota", EDQUOT},
    {"letters are discarded beside a relay with files of the largest size", EFBIG},
    {"letters are discarded beside a relay on a full disk", ENOSPC},
};

/* As a command does it: by a store that has no reserve, in the log that the relay holds. */
static void letters_are_discarded_beside_a_relay(void **state)
{
    const struct quota_case *quota_case = *state;
    struct folder folder;
    char ballast[128];

    struct store *store = open_in_quota(&folder, "4m", quota_case->error);
    uint64_t last = fill_up(store, 1);
    for (uint64_t id = 1; id <= last; id++)
        must_bury(store, died(id, "no"));
    take_the_rest(&folder, ballast);
    struct store *beside = folder_open(&folder, STORE_BESIDE);
    for (uint64_t id = 1; id <= last; id++) {
        must_begin(beside);
        assert_int_equal(beside->ops->discard(beside, id), 0);
        must_commit(beside);
    }
    beside->ops->close(beside);
    assert_int_equal(counts_of(store).dead, 0);
    uint64_t first = last + 1; /* into what they left */
    settle_all(store, first, fill_up(store, first));
    close_in_quota(&folder, store);
}

/* Others take it all while much of what is there stands in the log alone. */
static void reserve_is_given_up_for_what_is_there(void **state)
{
    (void)state;
    struct folder folder;
    char ballast[128];

    struct store *store = open_in_quota(&folder, "8m", EDQUOT);
    append_up_to(store, 40);
    take_the_rest(&folder, ballast);
    settle_all(store, 1, 40);
    close_in_quota(&folder, store);
}

/* Somebody else takes all but so much. */
static void leave(const struct folder *folder, int64_t bytes)
{
    char name[128];
    int fd = open_ballast(folder, name);

    assert_int_equal(fallocate(fd, 0, 0, bytes_free(folder) - bytes), 0);
    (void)close(fd);
}

/* The disk was found full, and gets no fuller for a moment: a refusal does not put off what is to
 * be done in it. */
static void refusal_leaves_the_log_to_be_folded_in(void **state)
{
    (void)state;
    struct folder folder;
    char ballast[128];

    struct store *store = open_on_disk(&folder, "8m");
    append_up_to(store, 40);
    assert_int_equal(store_find_full(store), STORE_FULL);
    leave(&folder, 1 << 20); /* too little for the reserve, and enough for what is in the log */
    assert_int_equal(append_one(store, 41), STORE_FULL);
    take_the_rest(&folder, ballast);
    settle_all(store, 1, 40);
    close_on_disk(&folder, store);
}

/* Each event is larger than the reserve: what is in the log may not fit into the file with it. */
static void large_events_on_a_full_quota(const char *size)
{
    static char large[9 << 20];
    struct folder folder;
    struct store_row row = row_of(1);
    char ballast[128];
    int r = 0;

    struct store *store = open_in_quota(&folder, size, EDQUOT);
    row.body = (struct span){large, sizeof(large)};
    for (; !r; row.id++) {
        must_begin(store);
        r = store->ops->append(store, &row);
        if (!r)
            r = store->ops->commit(store);
        else
            store->ops->rollback(store);
    }
    assert_int_equal(r, STORE_FULL);
    take_the_rest(&folder, ballast);
    settle_all(store, 1, row.id - 2);
    close_in_quota(&folder, store);
}

static void large_events_can_be_settled_on_a_full_quota(void **state)
{
    char size[16];

    (void)state;
    for (int mb = 36; mb <= 56; mb += 4) {
        (void)snprintf(size, sizeof(size), "%dm", mb);
        large_events_on_a_full_quota(size);
    }
}

static int quota_progress(void *ctx, int64_t done_bytes, int64_t total_bytes)
{
    (void)ctx;
    (void)done_bytes;
    (void)total_bytes;
    return 0;
}

static void backup_on_a_full_quota_is_refused(void **state)
{
    (void)state;
    struct folder folder;
    cleanup(buf_done) struct buf why = BUF_NULL;
    char name[128];

    struct store *store = open_in_quota(&folder, "4m", EDQUOT);
    uint64_t last = fill_up(store, 1);
    (void)snprintf(name, sizeof(name), "%s/backup.db", folder.at);
    const struct store_backup wanted = {.path = name, .progress = quota_progress, .why = &why};
    assert_int_equal(store->ops->backup(store, &wanted), STORE_REFUSED);
    assert_non_null(strstr(buf_string(&why), "the disk is full"));
    assert_int_equal(folder_count(&folder, "backup"), 0);
    settle_all(store, 1, last);
    close_in_quota(&folder, store);
}

/* ---- Mending ---- */

static void spoil(const struct folder *folder)
{
    static const char junk[4096] = "junk";
    int fd = open(folder->path, O_WRONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    for (int page = 60; page < 70; page++)
        assert_int_equal(pwrite(fd, junk, sizeof(junk), page * 4096), sizeof(junk));
    (void)close(fd);
}

static struct quota_case mend_cases[] = {
    {"mending waits for room on a full disk", ENOSPC},
    {"mending waits for room in a full quota", EDQUOT},
};

/* What cannot be saved for want of room is saved by the start that has some. */
static void mending_waits_for_room(void **state)
{
    const struct quota_case *quota_case = *state;
    struct folder folder;
    char ballast[128];

    struct store *store = open_on_disk(&folder, "8m");
    append_up_to(store, 100);
    store->ops->close(store);
    spoil(&folder);
    take_the_rest(&folder, ballast);
    quota_set(quota_case->error);
    assert_put_off(&folder, STORE_SERVE, "the disk is full");
    assert_int_equal(folder_count(&folder, "damaged"), 0);
    quota_set(0);
    assert_int_equal(unlink(ballast), 0);
    store = folder_open(&folder, STORE_SERVE);
    assert_in_range(counts_of(store).pending + counts_of(store).dead, 80, 100);
    close_on_disk(&folder, store);
}

/* ---- A limit for the size of files ---- */

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    (void)signal(SIGXFSZ, SIG_IGN); /* as main() does */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void limited_files_refuse_new_events_only(void **state)
{
    struct folder *folder = *state;

    limit_files(2 << 20);
    struct store *store = folder_open(folder, STORE_SERVE);
    uint64_t last = fill_up(store, 1);
    assert_true(last * BODY > 1 << 20);
    settle_all(store, 1, last);
    assert_int_equal(append_one(store, last + 1), 0);
    store->ops->close(store);
    limit_files(RLIM_INFINITY);
}

/* The limit comes when it is not looked for any more. */
static void sudden_limit_is_as_a_full_disk(void **state)
{
    struct folder *folder = *state;
    struct store *store = folder_open(folder, STORE_SERVE);

    limit_files(1 << 20);
    uint64_t last = fill_up(store, 1);
    limit_files(RLIM_INFINITY);
    settle_all(store, 1, last);
    assert_int_equal(append_one(store, last + 1), 0);
    store->ops->close(store);
}

/* ---- A reader that stays ---- */

static sqlite3 *begin_to_read(const struct folder *folder)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(folder->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM event", NULL, NULL, NULL),
                     SQLITE_OK);
    return db;
}

/* Events come and go until there is no room; the last id. */
static uint64_t pass_until_full(struct store *store)
{
    uint64_t id = 1;
    int r;

    while ((r = append_one(store, id)) == 0 && id < 10000)
        must_deliver(store, id++);
    assert_int_equal(r, STORE_FULL);
    return id - 1;
}

/* How many lines of a log hold a text. */
static int lines_with(FILE *log, const char *text)
{
    char line[1024];
    int n = 0;

    rewind(log);
    while (fgets(line, sizeof(line), log))
        n += strstr(line, text) != NULL;
    return n;
}

static void what_a_reader_pins_counts(void **state)
{
    struct folder *folder = *state;
    FILE *log_file = tmpfile();
    int before = dup(STDERR_FILENO);

    assert_true(dup2(fileno(log_file), STDERR_FILENO) >= 0);
    struct store *store = open_with_quota(folder);
    struct stat log;
    char name[128];
    bool changed = false;

    (void)snprintf(name, sizeof(name), "%s-wal", folder->path);
    must_append(store, row_of(20000));
    sqlite3 *reader = begin_to_read(folder);
    uint64_t last = pass_until_full(store);
    assert_int_equal(stat(name, &log), 0);
    assert_in_range(log.st_size, SMALL_QUOTA / 2, 6 * SMALL_QUOTA);
    assert_true(counts_of(store).pinned_bytes > SMALL_QUOTA / 2);
    must_deliver(store, 20000); /* which goes on */
    assert_int_equal(append_one(store, last + 1), STORE_FULL);

    assert_int_equal(sqlite3_close(reader), SQLITE_OK);
    assert_int_equal(store->ops->changed(store, &changed), 0);
    assert_true(changed);
    assert_int_equal(counts_of(store).pinned_bytes, 0);
    assert_int_equal(append_one(store, last + 1), 0);
    store->ops->close(store);
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    (void)close(before);
    assert_int_equal(lines_with(log_file, " warn a program reads the outbox for long: "), 1);
    assert_int_equal(lines_with(log_file, " info nobody keeps the outbox's -wal "), 1);
    (void)fclose(log_file);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(reserve_is_given_up_for_what_is_there),
    cmocka_unit_test(refusal_leaves_the_log_to_be_folded_in),
    cmocka_unit_test(large_events_can_be_settled_on_a_full_quota),
    cmocka_unit_test(backup_on_a_full_quota_is_refused),
    file_test(limited_files_refuse_new_events_only),
    file_test(sudden_limit_is_as_a_full_disk),
    file_test(what_a_reader_pins_counts),
};

int main(void)
{
    static struct CMUnitTest all[array_len(tests) + array_len(quota_cases) +
                                 array_len(discard_cases) + array_len(mend_cases)];

    disk_world_init();
    memcpy(all, tests, sizeof(tests));
    size_t len = rows_add(all, array_len(tests), quota_cases, quota_that_no_measure_tells_of);
    len = rows_add(all, len, discard_cases, letters_are_discarded_beside_a_relay);
    rows_add(all, len, mend_cases, mending_waits_for_room);
    return cmocka_run_group_tests(all, NULL, NULL);
}
