/* SPDX-License-Identifier: MIT */
/*
 * `convex-relay outbox`: the words, the file that is opened, what is read, where the output goes.
 * test-cli-outbox-print.c has how events are shown, test-cli-outbox-change.c what commands change.
 */
#include <signal.h>

#include "tests/unit/lib/outbox_console_world.h"

/* ---- Usage ---- */

#define USAGE_LIST "; usage: convex-relay outbox list [--state pending|dead] [--model M] [--json]"
#define USAGE_SHOW "; usage: convex-relay outbox show ID [--json]"
#define SELECTION " ID...|--all [--model M] [--reason TEXT] [--before TIME] [--dry-run]"
#define USAGE_REPLAY "; usage: convex-relay outbox replay" SELECTION " [--force]"
#define USAGE_DISCARD "; usage: convex-relay outbox discard" SELECTION
#define NO_TIME                                                                                    \
    "--before is a time, such as 2026-11-22T16:53:10Z, or an age, such as 90m, 12h or 3d"
#define EXPECTED                                                                                   \
    "outbox: stats, list, show, replay, discard, backup or adopt is expected; see convex-relay "   \
    "outbox --help"

static struct usage_row {
    const char *name;
    const char *line, *err;
} usage_rows[] = {
    {"no command", "", EXPECTED},
    {"an unknown command", "purge", EXPECTED},
    {"an option first", "--json list", EXPECTED},
    {"an unknown option", "list --jsn", "\"--jsn\" is not expected" USAGE_LIST},
    {"an option of another command", "list --force", "\"--force\" is not expected" USAGE_LIST},
    {"--all where it is not offered", "list --all", "\"--all\" is not expected" USAGE_LIST},
    {"--force where it is not offered", "discard --all --force",
     "\"--force\" is not expected" USAGE_DISCARD},
    {"an id where none is expected", "list 1", "\"1\" is not expected" USAGE_LIST},
    {"a value where none is expected", "list --json=yes", "\"--json\" takes no value" USAGE_LIST},
    {"no state", "list --state", "\"--state\" needs a value" USAGE_LIST},
    {"an unknown state", "list --state=stale", "--state is pending or dead" USAGE_LIST},
    {"no model", "list --model", "\"--model\" needs a value" USAGE_LIST},
    {"a word for a terminal", "list \x1b[2J", "a word is not expected" USAGE_LIST},
    {"a long word", "list 12345678901234567890123456789012345678901",
     "a word is not expected" USAGE_LIST},
    {"nothing to show", "show", "one id is expected" USAGE_SHOW},
    {"two to show", "show 1 2", "one id is expected" USAGE_SHOW},
    {"a sign", "show +1", "\"+1\" is not an id" USAGE_SHOW},
    {"a negative id", "show -- -1", "\"-1\" is not an id" USAGE_SHOW},
    {"a negative id that looks like an option", "show -1", "\"-1\" is not expected" USAGE_SHOW},
    {"zero", "show 0", "\"0\" is not an id" USAGE_SHOW},
    {"hex", "show 0x1", "\"0x1\" is not an id" USAGE_SHOW},
    {"an id with more behind it", "show 1,2", "\"1,2\" is not an id" USAGE_SHOW},
    {"an id above 63 bits", "show 9223372036854775808",
     "\"9223372036854775808\" is not an id" USAGE_SHOW},
    {"an id above 64 bits", "show 18446744073709551617",
     "\"18446744073709551617\" is not an id" USAGE_SHOW},
    {"nothing to replay", "replay", "ids or --all are expected" USAGE_REPLAY},
    {"ids and all", "replay 1 --all", "either ids or --all, not both" USAGE_REPLAY},
    {"a model beside an id", "replay 1 --model users", "\"--model\" goes with --all" USAGE_REPLAY},
    {"a reason without all", "discard --reason x", "\"--reason\" goes with --all" USAGE_DISCARD},
    {"a time beside an id", "discard --before 3d 7", "\"--before\" goes with --all" USAGE_DISCARD},
    {"no reason", "discard --all --reason", "\"--reason\" needs a value" USAGE_DISCARD},
    {"an empty reason",
     "discard --all --reason=", "--reason is a part of the reason, and not empty" USAGE_DISCARD},
    {"an option for a reason", "discard --all --reason --dry-run",
     "\"--reason\" needs a value" USAGE_DISCARD},
    {"two reasons", "discard --reason a --all --reason=b",
     "\"--reason\" is given twice" USAGE_DISCARD},
    {"a dry run with a value", "discard --all --dry-run=yes",
     "\"--dry-run\" takes no value" USAGE_DISCARD},
    {"a time that cannot be read", "replay --all --before yesterday", NO_TIME USAGE_REPLAY},
    {"a negative age", "discard --all --before -3d", NO_TIME USAGE_DISCARD},
    {"no time", "discard --all --before=", NO_TIME USAGE_DISCARD},
    {"a reason to list", "list --reason x", "\"--reason\" is not expected" USAGE_LIST},
    {"one bad id among good ones", "replay 1 x 2", "\"x\" is not an id" USAGE_REPLAY},
    {"nothing to discard", "discard --dry-run", "ids or --all are expected" USAGE_DISCARD},
};

static void test_usage(void **state)
{
    const struct usage_row *row = *state;
    char err[512];

    world_setup(NULL);
    (void)snprintf(err, sizeof(err), "convex-relay: %s\n", row->err);
    world_expect(row->line, EXIT_USAGE, "", err);
    assert_null(world.opened);
}

static void test_help(void **state)
{
    (void)state;
    assert_int_equal(world_run("--help"), EXIT_FINE);
    assert_non_null(strstr(world.out, "outbox replay ID...|--all [--model M] [--reason TEXT]\n"
                                      "        [--before TIME] [--dry-run] [--force]\n"));
    assert_int_equal(world_run("list -h"), EXIT_FINE);
    assert_non_null(strstr(world.out, "outbox stats [--json]\n"));
    assert_null(world.opened);
}

/* ---- The file ---- */

static void test_off(void **state)
{
    (void)state;
    world.outbox = "off";
    world_expect("stats", EXIT_USAGE, "",
                 "convex-relay: OUTBOX: off: nothing is kept, so that there is nothing to look "
                 "at\n");
}

static void test_default_file(void **state)
{
    (void)state;
    world.outbox = NULL;
    assert_int_equal(world_run("stats"), EXIT_FINE);
    assert_string_equal(world.opened, "outbox.db");
    assert_int_equal(world.store.closed, 1);
}

static void test_database(void **state)
{
    (void)state;
    world.outbox = "postgresql://db/relay";
    assert_int_equal(world_run("stats"), EXIT_FINE);
    assert_string_equal(world.opened, "postgresql://db/relay events");
}

static void test_adopt(void **state)
{
    (void)state;
    world_expect("adopt", EXIT_FAILED, "",
                 "convex-relay: OUTBOX: only a copied database is adopted; a file that `outbox "
                 "backup` has made knows that it is a copy\n");
    memory_store_make_journal(&world.store);
    world_expect("adopt", EXIT_FINE, "adopted: 0 pending events are dead letters now\n", "");
    world.store.adopted = 1;
    world_expect("adopt", EXIT_FINE, "adopted: 1 pending event is a dead letter now\n", "");
    world.store.fail_adopt = STORE_AWAY;
    world_expect("adopt", EXIT_FAILED, "",
                 "convex-relay: OUTBOX: the connection to the database was lost, and what was "
                 "under way may be done or not; run this again\n");
}

static void test_no_backup_of_a_database(void **state)
{
    (void)state;
    memory_store_make_journal(&world.store);
    world_expect("backup copy.db", EXIT_FAILED, "",
                 "convex-relay: OUTBOX: a database is copied by its own means, such as pg_dump; "
                 "docs/postgresql.md says how\n");
}

static void test_refused_file(void **state)
{
    (void)state;
    world.open_result = STORE_REFUSED;
    world.open_why = "OUTBOX: kept.db: there is no such file";
    world_expect("list", EXIT_USAGE, "", "convex-relay: OUTBOX: kept.db: there is no such file\n");
    assert_int_equal(world.store.closed, 0);
}

static void test_failing_file(void **state)
{
    (void)state;
    world.open_result = -EIO;
    world_expect("list", EXIT_FAILED, "", "convex-relay: OUTBOX: Input/output error\n");
}

/* ---- Reading ---- */

static struct filter_row {
    const char *name;
    const char *line, *ids;
} filter_rows[] = {
    {"filter: none", "list --json", "1 2 3 4 5 "},
    {"filter: dead ones", "list --json --state dead", "2 3 "},
    {"filter: pending ones, with replays", "list --state=pending --json", "1 4 5 "},
    {"filter: a model", "list --model posts --json", "2 4 "},
    {"filter: a model's dead ones", "list --model=posts --state=dead --json", "2 "},
    {"filter: a model that is not there", "list --model=x --json", ""},
};

static void test_filter(void **state)
{
    static const struct store_row rows[] = {
        {.id = 1, .model = TEXT("users"), .state = STORE_PENDING},
        {.id = 2, .model = TEXT("posts"), .state = STORE_DEAD},
        {.id = 3, .model = TEXT("users"), .state = STORE_DEAD},
        {.id = 4, .model = TEXT("posts"), .state = STORE_OFFERED},
        {.id = 5, .state = STORE_FORCED},
    };
    const struct filter_row *row = *state;
    char ids[64] = "";

    world_setup(NULL);
    for (size_t i = 0; i < array_len(rows); i++)
        memory_store_add(&world.store, rows[i]);
    assert_int_equal(world_run(row->line), EXIT_FINE);
    for (const char *at = world.out; (at = strstr(at, "{\"id\":")); at++)
        (void)snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%ld ",
                       strtol(at + strlen("{\"id\":"), NULL, 10));
    assert_string_equal(ids, row->ids);
}

static size_t lines_of(const char *text)
{
    size_t lines = 0;

    while ((text = strchr(text, '\n'))) {
        text++;
        lines++;
    }
    return lines;
}

/* Pages come one after the other, and no row is lost between two, whatever is left out of a
 * page. */
static void test_pages(void **state)
{
    (void)state;
    for (uint64_t id = 1; id <= MEMORY_STORE_ROWS; id++)
        memory_store_add(&world.store,
                         (struct store_row){.id = id,
                                            .state = id % 2 ? STORE_DEAD : STORE_PENDING,
                                            .reason = TEXT(X100("x"))});
    assert_int_equal(world_run("list"), EXIT_FINE);
    assert_int_equal(lines_of(world.out), MEMORY_STORE_ROWS);
    assert_int_equal(world_run("list --state=pending"), EXIT_FINE);
    assert_int_equal(lines_of(world.out), MEMORY_STORE_ROWS / 2);
}

static void test_list_fails(void **state)
{
    (void)state;
    world.store.fail_read = STORE_BROKEN;
    world_expect("list", EXIT_FAILED, "",
                 "convex-relay: OUTBOX: it cannot be read or written, or another program keeps it "
                 "locked\n");
    assert_int_equal(world_run("stats"), EXIT_FAILED);
    assert_int_equal(world_run("show 1"), EXIT_FAILED);
}

static void test_show_missing(void **state)
{
    (void)state;
    memory_store_add(&world.store, (struct store_row){.id = 12});
    world_expect("show 11", EXIT_FAILED, "", "convex-relay: 11: there is no such event\n");
    world_expect("show 13", EXIT_FAILED, "", "convex-relay: 13: there is no such event\n");
}

/* ---- Writing ---- */

static int world_run_into(const char *path, const char *word)
{
    char *words[] = {(char *)(uintptr_t)word, NULL};

    world_forget();
    world.console.out = fopen(path, "we");
    world.console.err = open_memstream(&world.err, &world.err_len);
    assert_non_null(world.console.out);
    int exit_code = outbox_command_run(&world.console, 1, words);
    (void)fclose(world.console.out);
    assert_int_equal(fclose(world.console.err), 0);
    return exit_code;
}

static void test_full_disk(void **state)
{
    (void)state;
    memory_store_add(&world.store, (struct store_row){.id = 12});
    assert_int_equal(world_run_into("/dev/full", "list"), EXIT_FAILED);
    assert_string_equal(world.err, "convex-relay: cannot write: No space left on device\n");
}

/* The reader has gone: `| head`. */
static void test_reader_gone(void **state)
{
    struct span text = SPAN("x");
    int ends[2];

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    (void)close(ends[0]);
    world.console.out = fdopen(ends[1], "w");
    outbox_console_write(&world.console, text);
    assert_int_equal(world.console.out_error, EPIPE);
    assert_int_equal(outbox_console_finish(&world.console, EXIT_FINE), EXIT_FINE);
    assert_int_equal(outbox_console_finish(&world.console, EXIT_FAILED), EXIT_FAILED);
    (void)fclose(world.console.out);
}

int main(void)
{
    static struct CMUnitTest tests[array_len(usage_rows) + array_len(filter_rows) + 13];
    size_t len = rows_add(tests, 0, usage_rows, test_usage);

    len = rows_add(tests, len, filter_rows, test_filter);
    tests[len++] = console_test(test_help);
    tests[len++] = console_test(test_off);
    tests[len++] = console_test(test_default_file);
    tests[len++] = console_test(test_database);
    tests[len++] = console_test(test_adopt);
    tests[len++] = console_test(test_no_backup_of_a_database);
    tests[len++] = console_test(test_refused_file);
    tests[len++] = console_test(test_failing_file);
    tests[len++] = console_test(test_pages);
    tests[len++] = console_test(test_list_fails);
    tests[len++] = console_test(test_show_missing);
    tests[len++] = console_test(test_full_disk);
    tests[len] = console_test(test_reader_gone);
    return cmocka_run_group_tests(tests, NULL, world_teardown);
}
