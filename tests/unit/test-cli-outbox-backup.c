/* SPDX-License-Identifier: MIT */
/* `convex-relay outbox backup`: what is said, and what a signal does. */
#include <signal.h>

#include "tests/unit/lib/outbox_console_world.h"

static int made(const struct store_backup *backup)
{
    assert_string_equal(backup->path, "copy.db");
    return backup->progress(backup->ctx, 1, 1);
}

static int refused(const struct store_backup *backup)
{
    assert_int_equal(buf_printf(backup->why, "copy.db: is there already"), 0);
    return STORE_REFUSED;
}

static int failed(const struct store_backup *backup)
{
    (void)backup;
    return STORE_BROKEN;
}

static int stopped(const struct store_backup *backup)
{
    assert_int_equal(backup->progress(backup->ctx, 1, 2), 0);
    assert_int_equal(raise(SIGTERM), 0);
    return backup->progress(backup->ctx, 2, 2);
}

static struct backup_row {
    const char *name;
    int (*backup)(const struct store_backup *backup);
    int exit_code;
    const char *out, *err;
} backup_rows[] = {
    {"made", made, EXIT_FINE, "copy.db: complete\n", ""},
    {"refused", refused, EXIT_FAILED, "", "convex-relay: copy.db: is there already\n"},
    {"failed", failed, EXIT_FAILED, "",
     "convex-relay: OUTBOX: it cannot be read or written, or another program keeps it locked\n"},
    {"stopped by a signal", stopped, EXIT_FAILED, "",
     "convex-relay: copy.db: stopped; no backup was made\n"},
    {"made after one that was stopped", made, EXIT_FINE, "copy.db: complete\n", ""},
};

static void test_backup(void **state)
{
    const struct backup_row *row = *state;
    struct sigaction after;

    world_setup(NULL);
    world.store.on_backup = row->backup;
    world_expect("backup copy.db", row->exit_code, row->out, row->err);
    assert_int_equal(sigaction(SIGTERM, NULL, &after), 0);
    assert_true(after.sa_handler == SIG_DFL);
}

static int long_one(const struct store_backup *backup)
{
    for (int64_t mb = 0; mb < 3; mb++)
        assert_int_equal(backup->progress(backup->ctx, mb << 20, 3 << 20), 0);
    return 0;
}

static void test_progress(void **state)
{
    (void)state;
    world.store.on_backup = long_one;
    world.console.err_is_terminal = true;
    world.mono_step_ms = 125; /* every second look is shown */
    world_expect("backup copy.db", EXIT_FINE, "copy.db: complete\n", "\r1 of 3 MB\r\033[K");
}

static void test_odd_name(void **state)
{
    (void)state;
    world.store.on_backup = failed;
    assert_int_equal(world_run("backup -- --all"), EXIT_FAILED);
    assert_int_equal(world_run("backup"), EXIT_USAGE);
    assert_int_equal(world_run("backup a b"), EXIT_USAGE);
    assert_int_equal(world_run("backup --all"), EXIT_USAGE);
}

int main(void)
{
    static struct CMUnitTest tests[array_len(backup_rows) + 2];
    size_t len = rows_add(tests, 0, backup_rows, test_backup);

    tests[len++] = console_test(test_progress);
    tests[len] = console_test(test_odd_name);
    return cmocka_run_group_tests(tests, NULL, world_teardown);
}
