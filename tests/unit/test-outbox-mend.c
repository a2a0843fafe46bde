/* SPDX-License-Identifier: MIT */
/* Mending that was cut short, logs that a crash left behind, damage that is met while serving. */
#include "tests/unit/lib/damage_world.h"

/* ---- The log, and mending that was cut short ---- */

static void rename_part(const struct folder *folder, const char *from, const char *to)
{
    char old[128], new[128];

    (void)snprintf(old, sizeof(old), "%s%s", folder->path, from);
    (void)snprintf(new, sizeof(new), "%s%s", folder->path, to);
    assert_int_equal(rename(old, new), 0);
}

/* Copies the files while the store is open, as a crash would leave them. */
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
    assert_string_equal(ids_in(store, STORE_OFFERED), "10");
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
    cut(&half, size_of(&half) / 2);
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

/* An id names one event for ever, in logs and in what people type. */
static void ids_go_on_behind_those_that_are_gone(void **state)
{
    (void)state;
    struct folder folder;
    uint64_t last_id;

    folder_make(&folder);
    struct store *store = folder_open(&folder, STORE_SERVE);
    for (uint64_t id = 1; id <= 9; id++)
        must_append(store, row_of(id));
    must_deliver(store, 9);
    store->ops->close(store);
    overwrite(&folder, root_of(&folder, "event_pending"), PAGE, 'x');
    store = folder_open(&folder, STORE_SERVE);
    assert_int_equal(folder_count(&folder, ".damaged-"), 1);
    assert_int_equal(store->ops->id_mark(store, &last_id), 0);
    assert_int_equal(last_id, 9);
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
    overwrite(&folder, 0, 100, 0); /* the header */
    assert_refused(&folder, STORE_BESIDE, "mends it when it serves");
    assert_int_equal(folder_count(&folder, ".damaged-"), 0);
    folder_empty(&folder);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(log_left_by_a_crash_is_no_damage),
    cmocka_unit_test(torn_log_loses_its_end_only),
    cmocka_unit_test(mending_goes_on_when_only_the_file_was_moved),
    cmocka_unit_test(mending_goes_on_when_all_was_moved),
    cmocka_unit_test(mending_goes_on_when_saving_had_begun),
    cmocka_unit_test(mending_ends_when_all_was_saved),
    cmocka_unit_test(log_without_its_file_is_kept),
    cmocka_unit_test(damage_met_while_serving_is_mended_at_the_next_start),
    cmocka_unit_test(ids_go_on_behind_those_that_are_gone),
    cmocka_unit_test(command_does_not_mend),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
