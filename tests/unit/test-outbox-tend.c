/* SPDX-License-Identifier: MIT */
/*
 * Damage that no start has looked for, since the file is large: calls that meet the damage fail
 * until the store is tended to. Then all that could be read is there, and the rest is discarded,
 * and counted.
 */
#include "tests/unit/lib/damage_world.h"
#include "tests/unit/lib/fault_vfs.h"
#include "tests/unit/lib/outbox_world.h"
#include "tests/unit/lib/store_connection.h"

#include <signal.h>
#include <sys/resource.h>

#include "base/log.h"
#include "outbox/sqlite_files.h"

static const struct store_filter everything = {.last = STORE_FORCED};

/* ---- Damages ---- */

/* The page of a tree on which a row or an entry stands, in the middle of it. */
static int64_t leaf_of(const struct folder *folder, const char *name)
{
    return page_by(folder,
                   "SELECT pageno FROM dbstat WHERE name = ?1 AND pagetype = 'leaf' ORDER BY path"
                   " LIMIT 1 OFFSET 2",
                   name);
}

static void garble_event_page(const struct folder *folder)
{
    overwrite(folder, leaf_of(folder, "event"), PAGE, -1);
}

static void zero_event_page(const struct folder *folder)
{
    overwrite(folder, leaf_of(folder, "event"), PAGE, 0);
}

static void garble_body_page(const struct folder *folder)
{
    overwrite(folder, leaf_of(folder, "body"), PAGE, -1);
}

static void zero_body_page(const struct folder *folder)
{
    overwrite(folder, leaf_of(folder, "body"), PAGE, 0);
}

static void garble_index(const struct folder *folder)
{
    overwrite(folder, root_of(folder, "event_pending"), PAGE, -1);
}

static void garble_event_root(const struct folder *folder)
{
    overwrite(folder, root_of(folder, "event"), PAGE, -1);
}

struct tend_case {
    const char *name;
    void (*damage)(const struct folder *folder);
    size_t spoilt_min, spoilt_max;
    size_t letters_max;
};

static struct tend_case tend_cases[] = {
    {"a page of events is garbage", garble_event_page, 0, 0, 200},
    {"a page of events is zero", zero_event_page, 0, 0, 200},
    {"a page of bodies is garbage", garble_body_page, 1, 20, 0},
    {"a page of bodies is zero", zero_body_page, 1, 20, 0},
    {"an index is garbage", garble_index, 0, 0, 0},
    {"a body is missing", lose_a_body, 1, 1, 0},
    {"the table of events is garbage", garble_event_root, 0, 0, ROWS},
};

static void what_can_be_read_is_saved(void **state)
{
    const struct tend_case *tend_case = *state;
    struct folder folder;

    folder_make(&folder);
    struct store *store = open_damaged(&folder, tend_case->damage);
    assert_int_equal(read_pending(store), STORE_BROKEN);
    struct store_counts before = counts_of(store);

    assert_int_equal(store->ops->tend(store, NULL), 0);
    assert_int_equal(damaged_files(&folder), 1);
    assert_int_equal(folder_count(&folder, ".suspect"), 0);
    struct store_counts counts = counts_of(store);
    struct found found = find_all(store);
    assert_in_range(counts.spoilt, tend_case->spoilt_min, tend_case->spoilt_max);
    assert_in_range(found.letters, 0, tend_case->letters_max);
    assert_int_equal(found.torn, 0);
    assert_int_equal(found.whole + found.letters, ROWS - counts.spoilt);
    assert_int_equal(counts.pending + counts.dead, ROWS - counts.spoilt);
    assert_int_equal(counts.discarded, counts.spoilt);
    assert_int_equal(counts.accepted, before.accepted);
    assert_int_equal(counts.delivered, before.delivered);
    assert_int_equal(read_pending(store), 0);
    assert_works(store);

    assert_int_equal(store->ops->tend(store, NULL), 0); /* it was done once, and for all */
    store->ops->close(store);
    store = folder_open(&folder, STORE_SERVE);
    assert_int_equal(damaged_files(&folder), 1);
    assert_int_equal(find_all(store).whole, found.whole);
    assert_int_equal(counts_of(store).discarded, counts.discarded);
    store->ops->close(store);
    folder_empty(&folder);
}

/* ---- What a change meets ---- */

static void change_that_meets_damage_is_mended(void **state)
{
    struct folder *folder = *state;
    struct store *store = open_damaged(folder, garble_index);
    struct store_row row = row_of(ROWS + 1);

    must_begin(store);
    assert_int_equal(store->ops->append(store, &row), STORE_BROKEN);
    assert_int_equal(store->ops->commit(store), STORE_BROKEN);
    assert_int_equal(store->ops->tend(store, NULL), 0);
    must_append(store, row);
    assert_int_equal(counts_of(store).pending + counts_of(store).dead, ROWS + 1);
    store->ops->close(store);
}

static void mending_is_seen_as_a_change(void **state)
{
    struct folder *folder = *state;
    struct store *store = open_damaged(folder, lose_a_body);
    bool changed = false;

    assert_int_equal(store->ops->changed(store, &changed), 0);
    assert_false(changed);
    assert_int_equal(read_pending(store), STORE_BROKEN);
    assert_int_equal(store->ops->tend(store, NULL), 0);
    assert_int_equal(store->ops->changed(store, &changed), 0);
    assert_true(changed);
    store->ops->close(store);
}

/* ---- Commands beside it ---- */

static void damage_that_a_command_meets_is_mended(void **state)
{
    struct folder *folder = *state;
    struct store *store = open_damaged(folder, garble_body_page);
    struct store *beside = folder_open(folder, STORE_BESIDE);
    size_t rows = 0;

    assert_int_equal(beside->ops->read(beside, &everything, count_row, &rows), STORE_BROKEN);
    assert_int_equal(store->ops->tend(store, NULL), 0);
    assert_int_equal(damaged_files(folder), 1);
    assert_int_equal(read_pending(store), 0);

    /* A change through the old file would be lost, and closing must not take the new file's log
     * away. */
    assert_int_equal(beside->ops->begin(beside), STORE_BROKEN);
    must_append(store, row_of(ROWS + 1));
    beside->ops->close(beside);
    assert_int_equal(folder_count(folder, "outbox.db-wal"), 1);
    beside = folder_open(folder, STORE_BESIDE);
    assert_int_equal(counts_of(beside).pending, counts_of(store).pending);
    beside->ops->close(beside);
    store->ops->close(store);
}

static void suspicion_without_reason_costs_nothing(void **state)
{
    struct folder *folder = *state;
    struct store *store = fill(folder);

    sqlite_files_suspect(folder->path);
    assert_int_equal(store->ops->tend(store, NULL), 0);
    assert_int_equal(damaged_files(folder), 0);
    assert_int_equal(folder_count(folder, ".suspect"), 0);
    assert_int_equal(find_all(store).whole, ROWS);
    assert_int_equal(counts_of(store).spoilt, 0);
    assert_works(store);
    store->ops->close(store);
}

/* ---- The outbox's thread ---- */

static void bad_row_keeps_no_other_from_coming(void **state)
{
    struct world *world = *state;
    const struct outbox_read read = {
        .model = SPAN("users"), .after = 300, .rows_max = 2, .bytes_max = 1000};
    struct page page;

    struct store *store = open_damaged(&world->folder, lose_a_body);
    store->ops->close(store);
    world_open(world);
    page_submit_and_wait(world, &page, read);
    assert_int_equal(page.r, STORE_BROKEN);
    assert_true(status_of(world).unreadable);
    run_until(world, status_of(world).counts.spoilt == 1);
    page_submit_and_wait(world, &page, read);
    assert_int_equal(page.r, 0);
    assert_string_equal(page.rows, "302 users r302 298; 303 users r303 297");
    assert_int_equal(status_of(world).counts.discarded, 1);
    assert_int_equal(submit_and_wait(world, OUTBOX_DELIVERED, row_of(302)), 0);
}

/* ---- What may pass ---- */

static void disk_that_fails_to_read_loses_nothing(void **state)
{
    struct folder *folder = *state;
    struct store *store = fill(folder);

    store->ops->close(store);
    fault_vfs_install();
    store = folder_open(folder, STORE_SERVE);
    store_pragma(store, "PRAGMA shrink_memory"); /* the rows must come from the disk */
    fault_vfs_plan(FAULT_EIO, FAULT_READS, 1);
    assert_int_equal(read_pending(store), STORE_BROKEN);
    (void)store->ops->tend(store, NULL);
    fault_vfs_plan(FAULT_NONE, 0, 0);
    assert_int_equal(store->ops->tend(store, NULL), 0);
    assert_int_equal(damaged_files(folder), 0);
    assert_int_equal(find_all(store).whole, ROWS);
    assert_int_equal(counts_of(store).spoilt, 0);
    store->ops->close(store);
    fault_vfs_remove();
}

/* What is set aside where nothing can be saved would be as good as lost. */
static void disk_without_room_for_a_copy_leaves_all_in_place(void **state)
{
    struct folder *folder = *state;
    struct store *store = open_damaged(folder, lose_a_body);
    struct rlimit usual, small;

    assert_int_equal(read_pending(store), STORE_BROKEN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
    small = (struct rlimit){.rlim_cur = 1 << 20, .rlim_max = usual.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int r = store->ops->tend(store, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
    assert_int_equal(r, STORE_BROKEN);
    assert_int_equal(damaged_files(folder), 0);
    assert_int_equal(folder_count(folder, ".saved"), 0);
    must_append(store, row_of(ROWS + 1)); /* all else goes on */

    assert_int_equal(store->ops->tend(store, NULL), STORE_BROKEN); /* not again and again */
    assert_int_equal(damaged_files(folder), 0);
    store_clock_leap();
    assert_int_equal(store->ops->tend(store, NULL), 0);
    assert_int_equal(counts_of(store).pending + counts_of(store).dead, ROWS);
    store->ops->close(store);
}

/* The disk fails during the mending, at one place after the other: all is as it was, or mended. */
static void disk_that_fails_while_it_is_mended_loses_nothing(void **state)
{
    bool struck = true;

    (void)state;
    fault_vfs_install();
    for (long nth = 1; struck; nth += 1 + nth / 8) {
        struct folder folder;
        folder_make(&folder);
        struct store *store = open_damaged(&folder, lose_a_body);
        assert_int_equal(read_pending(store), STORE_BROKEN);
        fault_vfs_plan(FAULT_EIO_ONCE, FAULT_READS | FAULT_WRITES | FAULT_SYNCS, nth);
        (void)store->ops->tend(store, NULL);
        struck = fault_vfs_struck();
        fault_vfs_plan(FAULT_NONE, 0, 0);
        store_clock_leap();
        assert_int_equal(store->ops->tend(store, NULL), 0);
        assert_int_equal(find_all(store).whole, ROWS - 1);
        assert_int_equal(counts_of(store).spoilt, 1);
        assert_works(store);
        store->ops->close(store);
        folder_empty(&folder);
    }
    fault_vfs_remove();
}

static int group_setup(void **state)
{
    (void)state;
    log_setup(LOG_ERROR + 1, LOG_TEXT);
    srand(1);
    return 0;
}

#define folder_test(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

static const struct CMUnitTest plain_tests[] = {
    folder_test(change_that_meets_damage_is_mended),
    folder_test(mending_is_seen_as_a_change),
    folder_test(damage_that_a_command_meets_is_mended),
    folder_test(suspicion_without_reason_costs_nothing),
    folder_test(disk_that_fails_to_read_loses_nothing),
    folder_test(disk_without_room_for_a_copy_leaves_all_in_place),
    world_test(bad_row_keeps_no_other_from_coming),
    cmocka_unit_test(disk_that_fails_while_it_is_mended_loses_nothing),
};

int main(void)
{
    static struct CMUnitTest tests[array_len(plain_tests) + array_len(tend_cases)];

    memcpy(tests, plain_tests, sizeof(plain_tests));
    rows_add(tests, array_len(plain_tests), tend_cases, what_can_be_read_is_saved);
    return cmocka_run_group_tests(tests, group_setup, NULL);
}
