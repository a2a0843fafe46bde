/* SPDX-License-Identifier: MIT */
/* What a store holds on to: locks that belong to files, and whether the files still have their
 * names. */
#include "tests/unit/lib/store_world.h"

#include "outbox/sqlite_hold.h"

static const char *const suffixes[] = {"", "-wal", "-shm"};

static struct sqlite_hold hold_on(const char *path)
{
    struct sqlite_hold hold;

    assert_int_equal(sqlite_hold_init(&hold, path, path), 0);
    return hold;
}

static void file_is_one_relays_by_any_name(void **state)
{
    struct folder *folder = *state;
    char link_name[160];

    folder_write(folder, "", "x");
    (void)snprintf(link_name, sizeof(link_name), "%s/link.db", folder->at);
    assert_int_equal(link(folder->path, link_name), 0);
    struct sqlite_hold first = hold_on(folder->path), second = hold_on(link_name);
    assert_int_equal(sqlite_hold_lock_name(&first), 0);
    assert_int_equal(sqlite_hold_lock_file(&first), 0);
    assert_int_equal(sqlite_hold_lock_name(&second), 0);
    assert_int_equal(sqlite_hold_lock_file(&second), HOLD_TAKEN);
    sqlite_hold_drop_files(&first); /* the name stays its own */
    assert_int_equal(sqlite_hold_lock_file(&second), 0);
    assert_int_equal(sqlite_hold_lock_file(&first), HOLD_TAKEN);
    sqlite_hold_done(&second);
    assert_int_equal(sqlite_hold_lock_file(&first), 0);
    sqlite_hold_done(&first);
}

static void name_is_one_relays(void **state)
{
    struct folder *folder = *state;
    struct sqlite_hold first = hold_on(folder->path), second = hold_on(folder->path);

    assert_int_equal(sqlite_hold_lock_name(&first), 0);
    assert_int_equal(sqlite_hold_lock_name(&second), HOLD_TAKEN);
    sqlite_hold_done(&first);
    sqlite_hold_done(&second);
}

static void missing_file_has_no_lock(void **state)
{
    struct sqlite_hold hold = hold_on(((struct folder *)*state)->path);

    assert_int_equal(sqlite_hold_lock_file(&hold), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(sqlite_hold_lock_all(&hold), -1);
    sqlite_hold_done(&hold);
}

/* Each of the three is still the relay's, was removed, or was exchanged: all of one kind is well.
 */
static void torn_is_what_is_not_of_one_piece(void **state)
{
    (void)state;
    for (int kept = 0; kept < 8; kept++)
        for (int made = 0; made < 8; made++) {
            struct folder folder;
            folder_make(&folder);
            for (size_t i = 0; i < array_len(suffixes); i++)
                folder_write(&folder, suffixes[i], "x");
            struct sqlite_hold relay = hold_on(folder.path), command = hold_on(folder.path);
            assert_int_equal(sqlite_hold_lock_file(&relay), 0);
            assert_false(sqlite_hold_is_torn(&command)); /* it has only begun */
            assert_int_equal(sqlite_hold_lock_all(&relay), 0);
            for (size_t i = 0; i < array_len(suffixes); i++)
                if (!(kept & 1 << i)) {
                    assert_int_equal(unlink(folder_beside(&folder, suffixes[i])), 0);
                    if (made & 1 << i)
                        folder_write(&folder, suffixes[i], "x");
                }
            assert_int_equal(sqlite_hold_is_torn(&command), kept != 0 && kept != 7);
            sqlite_hold_serve_no_more(&relay);
            assert_false(sqlite_hold_is_torn(&command));
            sqlite_hold_done(&relay);
            assert_false(sqlite_hold_is_torn(&command));
            sqlite_hold_done(&command);
            folder_empty(&folder);
        }
}

static void moved_is_the_first_that_is_gone(void **state)
{
    static const enum sqlite_hold_place places[] = {HOLD_GIVEN, HOLD_WAL, HOLD_SHARED};
    struct folder *folder = *state;
    char away[160];

    (void)snprintf(away, sizeof(away), "%s/away", folder->at);
    struct sqlite_hold hold = hold_on(folder->path);
    assert_int_equal(sqlite_hold_moved(&hold), HOLD_PLACES); /* it has nothing open */
    folder_write(folder, "", "x");
    sqlite_hold_remember(&hold);
    folder_write(folder, "-wal", "x"); /* was not there, and is not looked for */
    assert_int_equal(sqlite_hold_moved(&hold), HOLD_PLACES);
    folder_write(folder, "-shm", "x");
    sqlite_hold_remember(&hold);
    for (size_t i = 0; i < array_len(suffixes); i++) {
        assert_int_equal(rename(folder_beside(folder, suffixes[i]), away), 0);
        assert_int_equal(sqlite_hold_moved(&hold), places[i]);
        folder_write(folder, suffixes[i], "x");
        assert_int_equal(sqlite_hold_moved(&hold), places[i]);
        assert_int_equal(rename(away, folder_beside(folder, suffixes[i])), 0);
        assert_int_equal(sqlite_hold_moved(&hold), HOLD_PLACES);
    }
    sqlite_hold_done(&hold);
}

#define hold_test(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        hold_test(file_is_one_relays_by_any_name),
        hold_test(name_is_one_relays),
        hold_test(missing_file_has_no_lock),
        cmocka_unit_test(torn_is_what_is_not_of_one_piece),
        hold_test(moved_is_the_first_that_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
