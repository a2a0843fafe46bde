/* SPDX-License-Identifier: MIT */
/*
 * The SQLite store and the room it has: a quota, a disk that is full and is emptied again, one
 * that is read-only. The disks are small file systems in memory, in a name space of their own.
 */
#include "store_world.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

enum { BODY = 10000, SMALL_QUOTA = 1 << 20 };

static char body[BODY];

static struct store_row full_row(uint64_t id)
{
    struct store_row row = row_of(id);

    row.body = (struct span){body, sizeof(body)};
    return row;
}

/* What an append of its own comes to. */
static int append_one(struct store *store, uint64_t id)
{
    struct store_row row = full_row(id);

    must_begin(store);
    int r = store->ops->append(store, &row);
    if (!r)
        return store->ops->commit(store);
    store->ops->rollback(store);
    return r;
}

/* Appends until there is no more room; the last id that is in. */
static uint64_t fill(struct store *store, uint64_t id)
{
    int r;

    while ((r = append_one(store, id)) == 0)
        id++;
    assert_int_equal(r, STORE_FULL);
    return id - 1;
}

/* What settles events must go on, however full it is. */
static void settle_all(struct store *store, uint64_t first, uint64_t last)
{
    static char reason[1000];

    memset(reason, 'r', sizeof(reason) - 1);
    for (uint64_t id = first; id <= last; id++) {
        if (id % 4 == 0)
            must_bury(store, died(id, reason));
        else
            must_deliver(store, id);
    }
    for (uint64_t id = first; id <= last; id++) {
        must_begin(store);
        assert_int_equal(store->ops->discard(store, id), id % 4 == 0 ? 0 : STORE_MISSING);
        must_commit(store);
    }
    assert_int_equal(counts_of(store).pending, 0);
}

/* ---- The quota ---- */

static struct store *open_with_quota(struct folder *folder)
{
    struct store *store = NULL;
    const struct store_options options = {
        .path = folder->path, .mode = STORE_SERVE, .max_bytes = SMALL_QUOTA, .why = &folder->why};

    assert_int_equal(store_sqlite_open(&options, &store), 0);
    return store;
}

static void quota_refuses_new_events_only(void **state)
{
    struct folder *folder = *state;
    struct store *store = open_with_quota(folder);
    struct stat st;
    uint64_t first = 1;

    for (int round = 0; round < 3; round++) {
        uint64_t last = fill(store, first);
        assert_in_range((last - first + 1) * BODY, SMALL_QUOTA / 2, SMALL_QUOTA);
        assert_int_equal(append_one(store, last + 1), STORE_FULL);
        settle_all(store, first, last);
        first = last + 1;
    }
    store->ops->close(store);
    assert_int_equal(stat(folder->path, &st), 0);
    assert_in_range(st.st_size, 1, SMALL_QUOTA);
}

/* All of them are refused, and the reasons take more than what the quota keeps back. */
static void quota_lets_all_become_letters(void **state)
{
    struct folder *folder = *state;
    static char reason[4096];
    struct store *store = open_with_quota(folder);
    struct store_row row = row_of(1);
    uint64_t last = 0;

    memset(reason, 'r', sizeof(reason) - 1);
    must_begin(store);
    for (row.id = 1; store->ops->append(store, &row) == 0; row.id++)
        last = row.id;
    must_commit(store);
    assert_true(last * sizeof(reason) > SMALL_QUOTA);
    must_begin(store);
    for (uint64_t id = 1; id <= last; id++) {
        const struct store_row dead = died(id, reason);
        assert_int_equal(store->ops->bury(store, &dead), 0);
    }
    must_commit(store);
    assert_int_equal(counts_of(store).dead, last);
    store->ops->close(store);

    store = open_with_quota(folder); /* a start takes what is there, too */
    assert_int_equal(counts_of(store).dead, last);
    assert_int_equal(append_one(store, last + 1), STORE_FULL);
    store->ops->close(store);
}

static void large_event_leaves_room_for_small_ones(void **state)
{
    struct folder *folder = *state;
    static char large[SMALL_QUOTA];
    struct store *store = open_with_quota(folder);
    struct store_row row = row_of(1);

    row.body = (struct span){large, sizeof(large)};
    must_begin(store);
    assert_int_equal(store->ops->append(store, &row), STORE_FULL);
    assert_int_equal(store->ops->count_delivered(store, 1), 0);
    row = full_row(2);
    assert_int_equal(store->ops->append(store, &row), 0);
    must_commit(store); /* a refusal spoils nothing */
    assert_int_equal(counts_of(store).pending, 1);
    assert_int_equal(counts_of(store).delivered, 1);
    store->ops->close(store);
}

static void quota_counts_what_is_used_only(void **state)
{
    struct folder *folder = *state;
    struct store *store = folder_open(folder, STORE_SERVE);

    for (uint64_t id = 1; id <= 200; id++) /* two megabytes, without a quota */
        assert_int_equal(append_one(store, id), 0);
    store->ops->close(store);
    store = open_with_quota(folder);
    assert_int_equal(append_one(store, 201), STORE_FULL);
    for (uint64_t id = 1; id <= 200; id++)
        must_deliver(store, id);
    assert_int_equal(append_one(store, 201), 0);
    store->ops->close(store);
}

/* ---- Disks ---- */

static bool can_mount; /* set in main() */

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        (void)!write(fd, text, strlen(text));
        (void)close(fd);
    }
}

/* A name space in which mounting is allowed, to root and, mostly, to others. */
static bool enter_name_space(void)
{
    char map[32];
    uid_t uid = getuid();

    if (unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0)
        return false;
    if (uid != 0) {
        (void)snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
        write_file("/proc/self/uid_map", map);
    }
    return mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0;
}

static void mount_disk(struct folder *folder, const char *size)
{
    char options[32];

    if (!can_mount) {
        print_message("skipped: this user may not mount a file system here\n");
        skip();
    }
    folder_make(folder);
    (void)snprintf(options, sizeof(options), "size=%s", size);
    assert_int_equal(mount("none", folder->at, "tmpfs", 0, options), 0);
}

static void unmount_disk(struct folder *folder)
{
    assert_int_equal(umount(folder->at), 0);
    folder_empty(folder);
}

static int64_t bytes_free(const struct folder *folder)
{
    struct statvfs disk;

    assert_int_equal(statvfs(folder->at, &disk), 0);
    return (int64_t)(disk.f_bavail * disk.f_frsize);
}

/* Somebody else takes all that is left. */
static void take_the_rest(const struct folder *folder, char name[128])
{
    static const char zeros[4096];

    (void)snprintf(name, 128, "%s/ballast", folder->at);
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (write(fd, zeros, sizeof(zeros)) > 0)
        ;
    assert_int_equal(errno, ENOSPC);
    (void)close(fd);
    assert_int_equal(bytes_free(folder), 0);
}

static void full_disk_refuses_new_events_only(void **state)
{
    (void)state;
    struct folder folder;
    uint64_t first = 1;

    mount_disk(&folder, "4m");
    struct store *store = folder_open(&folder, STORE_SERVE);
    for (int round = 0; round < 3; round++) {
        uint64_t last = fill(store, first);
        assert_true((last - first + 1) * BODY > 1 << 20); /* much of it was to be had */
        assert_true(bytes_free(&folder) > 0);
        settle_all(store, first, last);
        first = last + 1;
    }
    store->ops->close(store);
    unmount_disk(&folder);
}

/* Even with nothing left at all, what is pending can be settled: the log has its room already. */
static void quite_full_disk_still_settles(void **state)
{
    (void)state;
    struct folder folder;
    char ballast[128];

    mount_disk(&folder, "4m");
    struct store *store = folder_open(&folder, STORE_SERVE);
    uint64_t last = fill(store, 1);
    take_the_rest(&folder, ballast);
    assert_int_equal(append_one(store, last + 1), STORE_FULL);
    settle_all(store, 1, last);
    uint64_t first = last + 1; /* and what they leave can be used again */
    last = fill(store, first);
    assert_true((last - first + 1) * BODY > 1 << 20);
    settle_all(store, first, last);
    assert_int_equal(unlink(ballast), 0);
    assert_int_equal(append_one(store, last + 1), 0);
    store->ops->close(store);
    unmount_disk(&folder);
}

static void start_on_a_full_disk(void **state)
{
    (void)state;
    struct folder folder;
    char ballast[128];

    mount_disk(&folder, "4m");
    struct store *store = folder_open(&folder, STORE_SERVE);
    uint64_t last = fill(store, 1);
    store->ops->close(store);
    take_the_rest(&folder, ballast);
    assert_put_off(&folder, STORE_SERVE, "the disk is full");
    assert_int_equal(folder_count(&folder, "damaged"), 0);
    assert_int_equal(unlink(ballast), 0);
    store = folder_open(&folder, STORE_SERVE);
    assert_int_equal(counts_of(store).pending, last);
    settle_all(store, 1, last);
    store->ops->close(store);
    unmount_disk(&folder);
}

static void disk_with_no_room_for_a_store(void **state)
{
    (void)state;
    struct folder folder;
    char ballast[128];

    mount_disk(&folder, "1m");
    take_the_rest(&folder, ballast);
    assert_put_off(&folder, STORE_SERVE, "full");
    unmount_disk(&folder);
}

static void read_only_disk_is_named(void **state)
{
    (void)state;
    struct folder folder;

    mount_disk(&folder, "4m");
    struct store *store = folder_open(&folder, STORE_SERVE);
    must_append(store, row_of(1));
    store->ops->close(store);
    assert_int_equal(mount("none", folder.at, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
    assert_refused(&folder, STORE_SERVE, "ead-only");
    assert_refused(&folder, STORE_BESIDE, "ead-only");
    assert_int_equal(mount("none", folder.at, "tmpfs", MS_REMOUNT, NULL), 0);
    store = folder_open(&folder, STORE_SERVE);
    assert_string_equal(ids_in(store, STORE_PENDING), "1");
    store->ops->close(store);
    unmount_disk(&folder);
}

#define file_test(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

static const struct CMUnitTest tests[] = {
    file_test(quota_refuses_new_events_only),
    file_test(quota_lets_all_become_letters),
    file_test(large_event_leaves_room_for_small_ones),
    file_test(quota_counts_what_is_used_only),
    cmocka_unit_test(full_disk_refuses_new_events_only),
    cmocka_unit_test(quite_full_disk_still_settles),
    cmocka_unit_test(start_on_a_full_disk),
    cmocka_unit_test(disk_with_no_room_for_a_store),
    cmocka_unit_test(read_only_disk_is_named),
};

int main(void)
{
    memset(body, 'x', sizeof(body));
    can_mount = enter_name_space();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
