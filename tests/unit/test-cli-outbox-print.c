/* SPDX-License-Identifier: MIT */
/* `convex-relay outbox`: how events and counts are shown, as text and as JSON. */
#include "tests/unit/lib/outbox_console_world.h"

#define MINUTE_MS INT64_C(60000)

/* ---- stats ---- */

static void test_stats(void **state)
{
    (void)state;
    world.store.counts = (struct store_counts){
        .accepted = 1204,
        .delivered = 1180,
        .discarded = 4,
        .dead = 15,
        .pending = 5,
        .oldest_ms = WORLD_NOW_MS - 3 * MINUTE_MS,
        .bytes = 118784,
    };
    world_expect("stats", EXIT_FINE,
                 "accepted                1204\n"
                 "delivered               1180\n"
                 "discarded                  4\n"
                 "dead                      15\n"
                 "pending                    5\n"
                 "oldest pending            3m\n"
                 "bytes on disk         118784\n",
                 "");
    world_expect("stats --json", EXIT_FINE,
                 "{\"accepted\":1204,\"delivered\":1180,\"discarded\":4,\"dead\":15,\"pending\":5,"
                 "\"oldest_seconds\":180,\"bytes\":118784}\n",
                 "");
}

static void test_stats_of_nothing(void **state)
{
    (void)state;
    assert_int_equal(world_run("stats"), EXIT_FINE);
    assert_non_null(strstr(world.out, "\noldest pending             -\n"));
    assert_int_equal(world_run("stats --json"), EXIT_FINE);
    assert_non_null(strstr(world.out, "\"oldest_seconds\":null"));
}

/* ---- list ---- */

#define REASON "[Request ID: 0123456789abcdef] Server Error\nArgumentValidationError: no\nmore"

static const struct store_row letter = {
    .id = 12,
    .state = STORE_DEAD,
    .model = TEXT("users"),
    .record = TEXT("acc_1"),
    .body = TEXT("{\"model\":\"users\"}"),
    .arrived_ms = WORLD_NOW_MS - 90 * MINUTE_MS,
    .attempts = 1,
    .tried_ms = WORLD_NOW_MS - 90 * MINUTE_MS + 5,
    .reason = TEXT(REASON),
    .died_ms = WORLD_NOW_MS - 90 * MINUTE_MS + 7,
};

/* The letter with something else: WITH(.state = STORE_PENDING) */
#define LETTER                                                                                     \
    .id = 12, .state = STORE_DEAD, .model = TEXT("users"), .record = TEXT("acc_1"), .attempts = 1, \
    .arrived_ms = WORLD_NOW_MS - 90 * MINUTE_MS, .reason = TEXT("no")

static struct line_row {
    const char *name;
    struct store_row row;
    const char *line;
} line_rows[] = {
    {"a dead letter",
     {LETTER},
     "12                dead     users       acc_1                       1h      1  no\n"},
    {"a stale one",
     {LETTER, .stale = true},
     "12                stale    users       acc_1                       1h      1  no\n"},
    {"one that is pending",
     {.id = 7, .model = TEXT("posts"), .arrived_ms = WORLD_NOW_MS - 9999},
     "7                 pending  posts       -                           9s      0  -\n"},
    {"one that is replayed, of no model",
     {.id = 7, .state = STORE_OFFERED, .arrived_ms = WORLD_NOW_MS - 60 * MINUTE_MS + 1},
     "7                 replay   -           -                          59m      0  -\n"},
    {"one that is forced, from the future",
     {.id = INT64_MAX, .state = STORE_FORCED, .arrived_ms = WORLD_NOW_MS + 1},
     "9223372036854775807  replay   -           -                           0s      0  -\n"},
    {"an old one",
     {.id = 7, .arrived_ms = WORLD_NOW_MS - 48 * 60 * MINUTE_MS},
     "7                 pending  -           -                           2d      0  -\n"},
};

static void test_line(void **state)
{
    const struct line_row *row = *state;

    world_setup(NULL);
    memory_store_add(&world.store, row->row);
    world_expect("list", EXIT_FINE, row->line, "");
}

static struct reason_row {
    const char *name;
    struct span reason;
    const char *shown;
} reason_rows[] = {
    {"reason: of one line", TEXT("no"), "no"},
    {"reason: its first line", TEXT("no\nmore"), "no"},
    {"reason: behind Convex's first line", TEXT(REASON), "ArgumentValidationError: no"},
    {"reason: Convex's first line alone", TEXT("[Request ID: 1] Server Error"),
     "[Request ID: 1] Server Error"},
    {"reason: Convex's first line and an empty one", TEXT("[Request ID: 1] Server Error\n\nx"),
     "[Request ID: 1] Server Error"},
    {"reason: empty", TEXT(""), "-"},
    {"reason: with controls", TEXT("\x1b[2Jno"), "\\x1b[2Jno"},
    {"reason: long", TEXT(X64("x")), X10("xxxxx") "xxxxxxxxx…"},
};

static void test_reason(void **state)
{
    const struct reason_row *row = *state;

    world_setup(NULL);
    memory_store_add(&world.store, (struct store_row){.id = 1, .reason = row->reason});
    assert_int_equal(world_run("list"), EXIT_FINE);
    char *shown = strstr(world.out, "   0  ");
    assert_non_null(shown);
    world.out[world.out_len - 1] = '\0';
    assert_string_equal(shown + strlen("   0  "), row->shown);
}

static void test_heading(void **state)
{
    (void)state;
    world.console.out_is_terminal = true;
    memory_store_add(&world.store, letter);
    world_expect(
        "list", EXIT_FINE,
        "ID                STATE    MODEL       RECORD                     AGE  TRIES  REASON\n"
        "12                dead     users       acc_1                       1h      1  "
        "ArgumentValidationError: no\n",
        "");
    assert_int_equal(world_run("list --json"), EXIT_FINE);
    assert_int_equal(world.out[0], '{');
}

static void test_list_json(void **state)
{
    (void)state;
    memory_store_add(&world.store, letter);
    memory_store_add(&world.store, (struct store_row){.id = 13,
                                                      .state = STORE_FORCED,
                                                      .stale = true,
                                                      .record = TEXT("\xed\xa0\x80\x1b\xff")});
    world_expect("list --json", EXIT_FINE,
                 "{\"id\":12,\"state\":\"dead\",\"replay\":false,\"stale\":false,\"model\":"
                 "\"users\",\"record\":\"acc_1\",\"arrived\":\"2026-11-22T15:23:10.123Z\","
                 "\"attempts\":1,\"tried\":\"2026-11-22T15:23:10.128Z\",\"died\":"
                 "\"2026-11-22T15:23:10.130Z\",\"reason\":\"[Request ID: 0123456789abcdef] Server "
                 "Error\\nArgumentValidationError: no\\nmore\"}\n"
                 "{\"id\":13,\"state\":\"pending\",\"replay\":true,\"stale\":false,\"model\":null,"
                 "\"record\":\"\\ud800\\u001b\xef\xbf\xbd\",\"arrived\":null,\"attempts\":0,"
                 "\"tried\":null,\"died\":null,\"reason\":null}\n",
                 "");
}

/* ---- show ---- */

static void test_show(void **state)
{
    (void)state;
    memory_store_add(&world.store, letter);
    world_expect("show 12", EXIT_FINE,
                 "id:       12\n"
                 "state:    dead\n"
                 "model:    users\n"
                 "record:   acc_1\n"
                 "arrived:  2026-11-22T15:23:10.123Z\n"
                 "attempts: 1\n"
                 "tried:    2026-11-22T15:23:10.128Z\n"
                 "died:     2026-11-22T15:23:10.130Z\n"
                 "reason:   [Request ID: 0123456789abcdef] Server Error\n"
                 "          ArgumentValidationError: no\n"
                 "          more\n"
                 "\n"
                 "{\"model\":\"users\"}",
                 "");
}

/* An id from before `replay --force` leads on: the event with the new id names the old one. */
static void test_show_forced(void **state)
{
    struct store_row forced = letter;

    (void)state;
    forced.id = 14;
    forced.was = 12;
    memory_store_add(&world.store, forced);
    assert_int_equal(world_run("show 14"), EXIT_FINE);
    assert_non_null(strstr(world.out, "id:       14\nwas:      12\nstate:    dead\n"));
}

/* A reason cannot end the head, a body stays as it is, but for a terminal. */
static void test_show_hostile(void **state)
{
    (void)state;
    memory_store_add(
        &world.store,
        (struct store_row){.id = 1, .reason = TEXT("\n\n\x1b"), .body = TEXT("\xc2\x9bx\n\\")});
    assert_int_equal(world_run("show 1"), EXIT_FINE);
    assert_non_null(strstr(world.out, "reason:   \n          \n          \\x1b\n\n\xc2\x9bx\n\\"));
    world.console.out_is_terminal = true;
    assert_int_equal(world_run("show 1"), EXIT_FINE);
    assert_non_null(strstr(world.out, "\\x1b\n\n\\u009bx\n\\\n"));
}

static void test_show_json(void **state)
{
    (void)state;
    memory_store_add(&world.store, letter);
    assert_int_equal(world_run("show 12 --json"), EXIT_FINE);
    assert_non_null(strstr(world.out, ",\"body\":\"{\\\"model\\\":\\\"users\\\"}\"}\n"));
}

int main(void)
{
    static struct CMUnitTest tests[array_len(line_rows) + array_len(reason_rows) + 8];
    size_t len = rows_add(tests, 0, line_rows, test_line);

    len = rows_add(tests, len, reason_rows, test_reason);
    tests[len++] = console_test(test_stats);
    tests[len++] = console_test(test_stats_of_nothing);
    tests[len++] = console_test(test_heading);
    tests[len++] = console_test(test_list_json);
    tests[len++] = console_test(test_show);
    tests[len++] = console_test(test_show_forced);
    tests[len++] = console_test(test_show_hostile);
    tests[len] = console_test(test_show_json);
    return cmocka_run_group_tests(tests, NULL, world_teardown);
}
