/* SPDX-License-Identifier: MIT */
/*
 * The SQLite store and the room it has: a quota, a disk that is full and is emptied again, and a
 * read-only one. The disks are small file systems in memory, in a separate name space.
 */
#include "tests/unit/lib/disk_world.h"

#include <sys/mount.h>

/* ---- The quota ---- */

static void quota_refuses_new_events_only(void **state)
{
    struct folder *folder = *state;
    struct store *store = open_with_quota(folder);
    struct stat st;
    uint64_t first = 1;

    for (int round = 0; round < 3; round++) {
        uint64_t last = fill_up(store, first);
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
    assert_int_equal(store->ops->count_delivered(store, SPAN_NULL, 1), 0);
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

static void full_disk_refuses_new_events_only(void **state)
{
    (void)state;
    struct folder folder;
    uint64_t first = 1;

    struct store *store = open_on_disk(&folder, "4m");
    for (int round = 0; round < 3; round++) {
        uint64_t last = fill_up(store, first);
        assert_true((last - first + 1) * BODY > 1 << 20); /* much of it was to be had */
        assert_true(bytes_free(&folder) > 0);
        settle_all(store, first, last);
        first = last + 1;
    }
    close_on_disk(&folder, store);
}

/* Even with nothing left at all, what is pending can be settled: the log has its room already. */
static void quite_full_disk_still_settles(void **state)
{
    (void)state;
    struct folder folder;

    struct store *store = open_on_disk(&folder, "4m");
    assert_settles_with_nothing_left(&folder, store);
    close_on_disk(&folder, store);
}

static void start_on_a_full_disk(void **state)
{
    (void)state;
    struct folder folder;
    char ballast[128];

    struct store *store = open_on_disk(&folder, "4m");
    uint64_t last = fill_up(store, 1);
    store->ops->close(store);
    take_the_rest(&folder, ballast);
    assert_put_off(&folder, STORE_SERVE, "the disk is full");
    assert_int_equal(folder_count(&folder, "damaged"), 0);
    assert_int_equal(unlink(ballast), 0);
    store = folder_open(&folder, STORE_SERVE);
    assert_int_equal(counts_of(store).pending, last);
    settle_all(store, 1, last);
    close_on_disk(&folder, store);
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

    struct store *store = open_on_disk(&folder, "4m");
    must_append(store, row_of(1));
    store->ops->close(store);
    assert_int_equal(mount("none", folder.at, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
    assert_refused(&folder, STORE_SERVE, "ead-only");
    assert_refused(&folder, STORE_BESIDE, "ead-only");
    assert_int_equal(mount("none", folder.at, "tmpfs", MS_REMOUNT, NULL), 0);
    store = folder_open(&folder, STORE_SERVE);
    assert_string_equal(ids_in(store, STORE_PENDING), "1");
    close_on_disk(&folder, store);
}

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
    disk_world_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
