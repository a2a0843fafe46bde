/* SPDX-License-Identifier: MIT */
/* Backups: what a copy holds, when there is none, and what becomes of one that is put back. */
#include <signal.h>
#include <sys/resource.h>

#include "tests/unit/lib/damage_world.h"

struct world {
    struct folder folder; /* of the store */
    struct folder copy;   /* where the backup goes */
    struct store *store;
    int looks, stop_after; /* of the progress; 0: never */
    int64_t done_bytes, total_bytes;
};

enum { STOPPED = 77 };

static int world_setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    folder_make(&world->folder);
    folder_make(&world->copy);
    world->store = fill(&world->folder);
    *state = world;
    return 0;
}

static int world_teardown(void **state)
{
    struct world *world = *state;

    (void)world->store->ops->close(world->store);
    folder_empty(&world->folder);
    folder_empty(&world->copy);
    free(world);
    return 0;
}

static int world_progress(void *ctx, int64_t done_bytes, int64_t total_bytes)
{
    struct world *world = ctx;

    assert_true(done_bytes >= world->done_bytes);
    world->done_bytes = done_bytes;
    world->total_bytes = total_bytes;
    return ++world->looks == world->stop_after ? STOPPED : 0;
}

/* Makes the backup as the command does: through a second store, beside the one that serves. */
static int world_backup(struct world *world)
{
    struct store *beside = folder_open(&world->folder, STORE_BESIDE);
    struct store_backup backup = {world->copy.path, world_progress, world, &world->copy.why};

    buf_done(&world->copy.why);
    int r = beside->ops->backup(beside, &backup);
    beside->ops->close(beside);
    return r;
}

static void must_backup(struct world *world)
{
    int r = world_backup(world);

    if (r)
        print_error("backup: %d %.*s\n", r, (int)world->copy.why.len, world->copy.why.at);
    assert_int_equal(r, 0);
}

static void assert_no_backup(struct world *world, const char *why)
{
    assert_int_equal(world_backup(world), STORE_REFUSED);
    assert_non_null(buf_string(&world->copy.why));
    if (!strstr(world->copy.why.at, why) || strchr(world->copy.why.at, '\n'))
        fail_msg("%s", world->copy.why.at);
    assert_int_equal(folder_count(&world->copy, "partial"), 0);
}

/* ---- Making it ---- */

static void holds_all_and_leaves_the_store_alone(void **state)
{
    struct world *world = *state;

    must_backup(world);
    assert_int_equal(folder_count(&world->copy, "outbox"), 1);
    struct store *copy = folder_open(&world->copy, STORE_BESIDE);
    assert_int_equal(find_all(copy).whole, ROWS);
    assert_string_equal(ids_in(copy, STORE_FORCED), "5");
    assert_string_equal(ids_in(copy, STORE_OFFERED), "10");
    assert_int_equal(counts_of(copy).delivered, 77);
    assert_int_equal(counts_of(copy).pending, counts_of(world->store).pending);
    copy->ops->close(copy);
    assert_works(world->store);
}

static void is_for_its_owner_alone(void **state)
{
    struct world *world = *state;
    mode_t before = umask(0);
    struct stat st;

    must_backup(world);
    (void)umask(before);
    assert_int_equal(stat(world->copy.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

/* An open transaction neither waits for the backup nor shows in it. */
static void holds_one_state(void **state)
{
    struct world *world = *state;
    struct store_row row = known_row(ROWS + 1);

    must_begin(world->store);
    assert_int_equal(world->store->ops->append(world->store, &row), 0);
    must_backup(world);
    must_commit(world->store);
    struct store *copy = folder_open(&world->copy, STORE_BESIDE);
    assert_int_equal(find_all(copy).whole, ROWS);
    copy->ops->close(copy);
    assert_int_equal(counts_of(world->store).accepted, ROWS + 77 + 1);
}

static void tells_how_far_it_is(void **state)
{
    struct world *world = *state;

    must_begin(world->store);
    for (uint64_t id = ROWS + 1; id <= 20 * ROWS; id++) {
        struct store_row row = known_row(id);
        assert_int_equal(world->store->ops->append(world->store, &row), 0);
    }
    must_commit(world->store);
    must_backup(world);
    assert_true(world->looks > 3);
    assert_in_range(world->done_bytes, world->total_bytes / 4, world->total_bytes);
    assert_int_equal(unlink(world->copy.path), 0);

    world->done_bytes = 0;
    world->looks = 0;
    world->stop_after = 3;
    assert_int_equal(world_backup(world), STOPPED);
    assert_int_equal(world->looks, 3);
    assert_int_equal(folder_count(&world->copy, "outbox"), 0);
    assert_works(world->store);
}

static void overwrites_nothing(void **state)
{
    struct world *world = *state;

    assert_int_equal(symlink("nowhere", world->copy.path), 0);
    assert_no_backup(world, "is there already");
    assert_int_equal(unlink(world->copy.path), 0);
    must_backup(world);
    int64_t size = size_of(&world->copy);
    assert_no_backup(world, "is there already");
    assert_int_equal(size_of(&world->copy), size);
}

/* A backup of that name would be taken for a file of the outbox, or would replace one. */
static void takes_no_name_of_the_outboxs_own(void **state)
{
    static const char *const ends[] = {"-wal",     "-shm",         "-journal", ".lock",
                                       ".mending", ".mending-wal", ".saved",   ".saved-journal"};
    struct world *world = *state;

    for (size_t i = 0; i < array_len(ends); i++) {
        (void)snprintf(world->copy.path, sizeof(world->copy.path), "%s/../%s/outbox.db%s",
                       world->folder.at, strrchr(world->folder.at, '/') + 1, ends[i]);
        assert_no_backup(world, "is a name that the outbox has for files of its own");
    }
    (void)snprintf(world->copy.path, sizeof(world->copy.path), "%s/outbox.db.saved-today",
                   world->folder.at);
    must_backup(world);
}

static void wants_a_folder(void **state)
{
    struct world *world = *state;

    (void)strcat(world->copy.path, "/in-no-folder");
    assert_no_backup(world, "cannot be made: No such file or directory");
}

/* Stands for a full disk, which takes root to make. */
static void leaves_nothing_where_it_does_not_fit(void **state)
{
    struct world *world = *state;
    struct rlimit before;

    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit tight = {64 * 1024, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    assert_no_backup(world, "");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(folder_count(&world->copy, "outbox"), 0);
    assert_works(world->store);
}

static void is_not_made_of_a_damaged_file(void **state)
{
    struct world *world = *state;

    world->store->ops->close(world->store);
    overwrite(&world->folder, root_of(&world->folder, "event"), PAGE, 'x');
    assert_int_equal(world_backup(world), STORE_BROKEN);
    assert_int_equal(folder_count(&world->copy, "outbox"), 0);
    assert_int_equal(folder_count(&world->folder, ".suspect"), 1);
    world->store = folder_open(&world->folder, STORE_SERVE);
    assert_int_equal(folder_count(&world->folder, ".damaged-"), 1);
}

/* ---- Putting it back ---- */

static int row_must_be_letter(void *ctx, const struct store_row *row)
{
    (void)ctx;
    assert_int_equal(row->state, STORE_DEAD);
    assert_int_equal(row->stale, row->record.at != NULL);
    assert_true(row->died_ms > 0);
    if (row->id % 5 || row->id == 5 || row->id == 10)
        assert_non_null(memmem(row->reason.at, row->reason.len, "backup", 6));
    else
        assert_null(row->reason.at);
    return 0;
}

static void assert_all_letters(struct store *store)
{
    const struct store_filter all = {.last = STORE_FORCED};

    assert_int_equal(store->ops->read(store, &all, row_must_be_letter, NULL), 0);
    assert_int_equal(counts_of(store).dead, ROWS);
    assert_int_equal(counts_of(store).pending, 0);
}

static void sends_nothing_by_itself(void **state)
{
    struct world *world = *state;
    struct store_row orderless = known_row(3);

    orderless.record = SPAN_NULL;
    must_deliver(world->store, 3);
    must_append(world->store, orderless);
    must_backup(world);
    struct store *restored = folder_open(&world->copy, STORE_SERVE);
    assert_all_letters(restored);
    assert_int_equal(counts_of(restored).delivered, 78);

    must_begin(restored);
    assert_int_equal(restored->ops->offer(restored, 4, false), STORE_STALE);
    assert_int_equal(restored->ops->offer(restored, 4, true), 0);
    assert_int_equal(restored->ops->offer(restored, 3, false), 0);
    must_commit(restored);
    must_append(restored, known_row(ROWS + 1));
    restored->ops->close(restored);

    restored = folder_open(&world->copy, STORE_SERVE); /* a backup no more */
    assert_string_equal(ids_in(restored, STORE_PENDING), "601");
    assert_string_equal(ids_in(restored, STORE_OFFERED), "3");
    assert_string_equal(ids_in(restored, STORE_FORCED), "4");
    restored->ops->close(restored);
}

static void stays_a_backup_for_who_looks_at_it(void **state)
{
    struct world *world = *state;

    must_backup(world);
    for (int i = 0; i < 2; i++) {
        struct store *copy = folder_open(&world->copy, STORE_BESIDE);
        assert_int_equal(counts_of(copy).pending, counts_of(world->store).pending);
        copy->ops->close(copy);
    }
    struct store *restored = folder_open(&world->copy, STORE_SERVE);
    assert_all_letters(restored);
    restored->ops->close(restored);
}

static void sends_nothing_where_it_was_damaged_either(void **state)
{
    struct world *world = *state;

    must_backup(world);
    overwrite(&world->copy, root_of(&world->copy, "event_pending"), PAGE, 'x');
    struct store *restored = folder_open(&world->copy, STORE_SERVE);
    assert_int_equal(folder_count(&world->copy, ".damaged-"), 1);
    assert_all_letters(restored);
    restored->ops->close(restored);
}

/* SQLite would apply that log to the backup. */
static void is_refused_beside_the_log_of_another_file(void **state)
{
    struct world *world = *state;
    char command[512], log[128];

    must_backup(world);
    struct store *beside = folder_open(&world->copy, STORE_BESIDE); /* a look is no restoring */
    beside->ops->close(beside);
    (void)snprintf(log, sizeof(log), "%s-wal", world->copy.path);
    (void)snprintf(command, sizeof(command), "cp '%s-wal' '%s'", world->folder.path, log);
    assert_int_equal(system(command), 0);
    assert_refused(&world->copy, STORE_SERVE, "-wal");
    assert_refused(&world->copy, STORE_BESIDE, "-wal");
    assert_int_equal(unlink(log), 0);
    struct store *restored = folder_open(&world->copy, STORE_SERVE);
    assert_all_letters(restored);
    restored->ops->close(restored);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(holds_all_and_leaves_the_store_alone),
        TEST(is_for_its_owner_alone),
        TEST(holds_one_state),
        TEST(tells_how_far_it_is),
        TEST(overwrites_nothing),
        TEST(takes_no_name_of_the_outboxs_own),
        TEST(wants_a_folder),
        TEST(leaves_nothing_where_it_does_not_fit),
        TEST(is_not_made_of_a_damaged_file),
        TEST(sends_nothing_by_itself),
        TEST(stays_a_backup_for_who_looks_at_it),
        TEST(sends_nothing_where_it_was_damaged_either),
        TEST(is_refused_beside_the_log_of_another_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
