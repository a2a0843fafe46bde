/* SPDX-License-Identifier: MIT */
/* `convex-relay outbox replay` and `discard`: what becomes of dead letters. */
#include "cli/outbox_change.h"
#include "cli/outbox_letters.h"
#include "tests/unit/lib/outbox_console_world.h"

#include <signal.h>

#define STALE                                                                                      \
    "a newer event of its record was delivered since, which this one would undo; --force sends "   \
    "it all the same\n"
#define PENDING "it is pending, not dead: the relay is still trying to deliver it\n"
#define WAITING "it is waiting to be sent again already\n"
#define UNKNOWN "there is no such event\n"
#define STAY(n)                                                                                    \
    "convex-relay: " n " stay dead: stale, newer events of their records were delivered since; "   \
    "--force sends them all the same\n"

/* 1: pending, 2: dead, 3: stale, 4: replayed, 5: dead, of another model */
static int letters_setup(void **state)
{
    static const struct store_row rows[] = {
        {.id = 1, .state = STORE_PENDING, .model = TEXT("users")},
        {.id = 2, .state = STORE_DEAD, .model = TEXT("users")},
        {.id = 3, .state = STORE_DEAD, .model = TEXT("users"), .stale = true},
        {.id = 4, .state = STORE_OFFERED, .model = TEXT("users")},
        {.id = 5, .state = STORE_DEAD, .model = TEXT("posts")},
    };

    world_setup(state);
    for (size_t i = 0; i < array_len(rows); i++)
        memory_store_add(&world.store, rows[i]);
    return 0;
}

/* The state of each letter: p, d, r, f; - where it is gone. */
static const char *letters_states(void)
{
    static char states[6];

    for (uint64_t id = 1; id <= 5; id++) {
        const struct store_row *row = memory_store_find(&world.store, id);
        states[id - 1] = row ? "pdrf"[row->state] : '-';
    }
    return states;
}

static struct change_row {
    const char *name;
    const char *line;
    int exit_code;
    const char *out, *err, *states;
} change_rows[] = {
    {"replays one", "replay 2", EXIT_FINE, "2: will be sent again\n", "", "prdrd"},
    {"replays several", "replay 5 2", EXIT_FINE, "5: will be sent again\n2: will be sent again\n",
     "", "prdrr"},
    {"replays what it can", "replay 1 2 99", EXIT_FAILED, "2: will be sent again\n",
     "convex-relay: 1: " PENDING "convex-relay: 99: " UNKNOWN, "prdrd"},
    {"replays one once", "replay 2 2", EXIT_FAILED, "2: will be sent again\n",
     "convex-relay: 2: " WAITING, "prdrd"},
    {"does not replay a replayed one", "replay 4", EXIT_FAILED, "", "convex-relay: 4: " WAITING,
     "pddrd"},
    {"does not replay a stale one", "replay 3", EXIT_FAILED, "", "convex-relay: 3: " STALE,
     "pddrd"},
    {"replays a stale one by force", "replay --force 3", EXIT_FINE, "3: will be sent again\n", "",
     "pdfrd"},
    {"does not replay a pending one by force", "replay --force 1", EXIT_FAILED, "",
     "convex-relay: 1: " PENDING, "pddrd"},
    {"replays all but stale ones", "replay --all", EXIT_FAILED, "2 will be sent again\n", STAY("1"),
     "prdrr"},
    {"replays all by force", "replay --all --force", EXIT_FINE, "3 will be sent again\n", "",
     "pffrf"},
    {"replays all of a model", "replay --all --model=posts", EXIT_FINE, "1 will be sent again\n",
     "", "pddrr"},
    {"replays all of a model that has none", "replay --all --model=x", EXIT_FINE,
     "0 will be sent again\n", "", "pddrd"},
    {"discards", "discard 2 3", EXIT_FINE, "2: is discarded\n3: is discarded\n", "", "p--rd"},
    {"discards dead ones only", "discard 1 4 5 6", EXIT_FAILED, "5: is discarded\n",
     "convex-relay: 1: " PENDING "convex-relay: 4: " WAITING "convex-relay: 6: " UNKNOWN, "pddr-"},
    {"discards all, stale ones too", "discard --all", EXIT_FINE, "3 are discarded\n", "", "p--r-"},
    {"discards all of a model", "discard --model posts --all", EXIT_FINE, "1 is discarded\n", "",
     "pddr-"},
    {"dry run: of a replay", "replay --dry-run 2 5", EXIT_FINE,
     "2: would be sent again\n5: would be sent again\n", "", "pddrd"},
    {"dry run: of what cannot be replayed", "replay 1 3 4 99 --dry-run", EXIT_FAILED, "",
     "convex-relay: 1: " PENDING "convex-relay: 3: " STALE "convex-relay: 4: " WAITING
     "convex-relay: 99: " UNKNOWN,
     "pddrd"},
    {"dry run: by force", "replay --dry-run --force 3", EXIT_FINE, "3: would be sent again\n", "",
     "pddrd"},
    {"dry run: of all", "replay --all --dry-run", EXIT_FAILED, "2 would be sent again\n", STAY("1"),
     "pddrd"},
    {"dry run: of all by force", "replay --all --dry-run --force", EXIT_FINE,
     "3 would be sent again\n", "", "pddrd"},
    {"dry run: discards", "discard --dry-run 3 4", EXIT_FAILED, "3: would be discarded\n",
     "convex-relay: 4: " WAITING, "pddrd"},
    {"dry run: discards all", "discard --all --dry-run", EXIT_FINE, "3 would be discarded\n", "",
     "pddrd"},
};

static void test_change(void **state)
{
    const struct change_row *row = *state;

    letters_setup(NULL);
    world_expect(row->line, row->exit_code, row->out, row->err);
    assert_string_equal(letters_states(), row->states);
    assert_int_equal(world.store.closed, 1);
}

/* ---- Selections ---- */

#define HOUR_MS INT64_C(3600000)
#define SELECTED_ROWS 7

static const struct store_row selected_rows[SELECTED_ROWS] = {
    {.id = 1,
     .state = STORE_PENDING,
     .model = TEXT("users"),
     .reason = TEXT("unset"),
     .died_ms = 1},
    {.id = 2,
     .state = STORE_DEAD,
     .model = TEXT("users"),
     .reason = TEXT("[Request ID: 1] Server Error\nArgumentValidationError: .handle is unset"),
     .died_ms = WORLD_NOW_MS - HOUR_MS},
    {.id = 3,
     .state = STORE_DEAD,
     .model = TEXT("posts"),
     .reason = TEXT("unset"),
     .died_ms = WORLD_NOW_MS - 30 * HOUR_MS},
    {.id = 4,
     .state = STORE_DEAD,
     .stale = true,
     .model = TEXT("users"),
     .reason = TEXT("No route"),
     .died_ms = WORLD_NOW_MS - 72 * HOUR_MS},
    {.id = 5,
     .state = STORE_DEAD,
     .model = TEXT("posts"),
     .died_ms = WORLD_NOW_MS - 72 * HOUR_MS - 1},
    {.id = 6, .state = STORE_DEAD, .reason = TEXT(""), .died_ms = WORLD_NOW_MS + HOUR_MS},
    {.id = 7,
     .state = STORE_OFFERED,
     .model = TEXT("users"),
     .reason = TEXT("unset"),
     .died_ms = 1},
};

/* The time is 2026-11-22T16:53:10.123Z, and the zone two hours east of it. */
static struct selected_row {
    const char *name;
    const char *selection;
    const char *ids; /* of the letters that it holds */
} selected_cases[] = {
    {"selects all", "", "2 3 4 5 6"},
    {"selects a model", "--model users", "2 4"},
    {"selects a model that nothing is of", "--model user", ""},
    {"selects a reason", "--reason unset", "2 3"},
    {"selects a reason's first line", "--reason=[Request", "2"},
    {"selects the whole reason", "--reason=unset", "2 3"},
    {"selects a reason by its case", "--reason Unset", ""},
    {"selects a reason that holds what would be a pattern", "--reason .*", ""},
    {"selects a reason and a model", "--reason unset --model posts", "3"},
    {"selects by age: minutes", "--before 59m", "2 3 4 5"},
    {"selects by age: what died just then is not older", "--before 1h", "3 4 5"},
    {"selects by age: hours", "--before=31h", "4 5"},
    {"selects by age: days", "--before 3d", "5"},
    {"selects by age: none", "--before 0d", "2 3 4 5"},
    {"selects by time", "--before 2026-11-22T15:53:10.124Z", "2 3 4 5"},
    {"selects by time: what died just then is not older", "--before 2026-11-22T15:53:10.123Z",
     "3 4 5"},
    {"selects by time: with an offset", "--before 2026-11-22T14:53:10.124-01:00", "2 3 4 5"},
    {"selects by time: without a zone", "--before 2026-11-22T17:53:10.124", "2 3 4 5"},
    {"selects by time: without a zone, just then", "--before 2026-11-22T17:53:10.123", "3 4 5"},
    {"selects by time: of a day", "--before 2026-11-20", "4 5"},
    {"selects by time: of the day of a death", "--before 2026-11-19", ""},
    {"selects by time: in the future", "--before 2100-01-01", "2 3 4 5 6"},
    {"selects by time: at the beginning", "--before 1970-01-01T00:00Z", ""},
    {"selects by everything", "--model=posts --before=1d --reason=uns", "3"},
};

/* What is left once a command has discarded, or would have, what a selection holds. */
static void test_selected(void **state)
{
    const struct selected_row *row = *state;
    char line[128], is[32] = "";

    world_setup(NULL);
    assert_int_equal(setenv("TZ", "EET-2", 1), 0);
    for (size_t i = 0; i < SELECTED_ROWS; i++)
        memory_store_add(&world.store, selected_rows[i]);
    (void)snprintf(line, sizeof(line), "discard --all %s --dry-run", row->selection);
    assert_int_equal(world_run(line), EXIT_FINE);
    long foreseen = strtol(world.out, NULL, 10);
    assert_int_equal(world.store.now.len, SELECTED_ROWS);

    (void)snprintf(line, sizeof(line), "discard --all %s", row->selection);
    assert_int_equal(world_run(line), EXIT_FINE);
    assert_int_equal(strtol(world.out, NULL, 10), foreseen);
    assert_int_equal(world.store.now.len, SELECTED_ROWS - foreseen);
    for (uint64_t id = 1; id <= SELECTED_ROWS; id++)
        if (!memory_store_find(&world.store, id))
            (void)snprintf(is + strlen(is), sizeof(is) - strlen(is), "%s%d", *is ? " " : "",
                           (int)id);
    assert_string_equal(is, row->ids);
}

/* Of stale letters only those are counted that the selection holds. */
static void test_selected_stale(void **state)
{
    (void)state;
    world_setup(NULL);
    for (size_t i = 0; i < SELECTED_ROWS; i++)
        memory_store_add(&world.store, selected_rows[i]);
    world_expect("replay --all --reason=unset", EXIT_FINE, "2 will be sent again\n", "");
    world_expect("replay --all --before=3d", EXIT_FINE, "1 will be sent again\n", "");
    world_expect("replay --all --reason=route", EXIT_FAILED, "0 will be sent again\n", STAY("1"));
    world_expect("replay --all --reason=route --force", EXIT_FINE, "1 will be sent again\n", "");
}

/* ---- Failures ---- */

#define FULL "convex-relay: OUTBOX: it is full, or its disk is; make room and run this again\n"

static struct failure_row {
    const char *name;
    const char *line;
    int *failing;
    const char *out;
} failure_rows[] = {
    {"replay: no transaction", "replay 2", &world.store.fail_begin, ""},
    {"replay: no change", "replay 2", &world.store.fail_change, ""},
    {"replay: no commit", "replay 2", &world.store.fail_commit, ""},
    {"replay: no look at what is there", "replay 1", &world.store.fail_read, ""},
    {"replay --all: no transaction", "replay --all", &world.store.fail_begin,
     "0 will be sent again\n"},
    {"replay --all: no commit", "replay --all", &world.store.fail_commit, "0 will be sent again\n"},
    {"replay --all: no look at what is there", "replay --all", &world.store.fail_read,
     "0 will be sent again\n"},
    {"dry run: no look at what is there", "discard --dry-run 2", &world.store.fail_read, ""},
    {"dry run of all: no look at what is there", "replay --all --dry-run", &world.store.fail_read,
     "0 would be sent again\n"},
    {"discard --all: no commit", "discard --all", &world.store.fail_commit, "0 are discarded\n"},
    {"discard: no change", "discard 2", &world.store.fail_change, ""},
    {"discard: no commit", "discard 2", &world.store.fail_commit, ""},
};

/* Nothing is said to have happened that has not. */
static void test_failure(void **state)
{
    const struct failure_row *row = *state;

    letters_setup(NULL);
    *row->failing = STORE_FULL;
    world_expect(row->line, EXIT_FAILED, row->out, FULL);
    assert_string_equal(letters_states(), "pddrd");
}

/* What went well before the failure is undone with it. */
static void test_fails_within(void **state)
{
    (void)state;
    letters_setup(NULL);
    world.store.fail_change = STORE_FULL;
    world.store.fail_change_after = 1;
    world_expect("replay 2 5", EXIT_FAILED, "", FULL);
    assert_string_equal(letters_states(), "pddrd");
    assert_int_equal(world.store.committed, 0);
}

/* ---- Many ---- */

enum { MANY_STEP = 3 }; /* from id to id: others were delivered */

static void many_setup(void)
{
    world_setup(NULL);
    for (uint64_t n = 1; n <= MEMORY_STORE_ROWS; n++)
        memory_store_add(&world.store, (struct store_row){
                                           .id = n * MANY_STEP,
                                           .state = STORE_DEAD,
                                           .stale = n % 4 == 0,
                                           .reason = {n % 512 == 0 ? "rare" : "often", 4},
                                       });
    world.store.counts.dead = MEMORY_STORE_ROWS;
}

static void test_batches(void **state)
{
    (void)state;
    many_setup();
    assert_int_equal(world_run("replay --all"), EXIT_FAILED);
    assert_string_equal(world.out, "3072 will be sent again\n");
    assert_string_equal(world.err, STAY("1024"));
    assert_int_equal(world.store.committed, 4); /* none for letters that stay letters */
    assert_in_range(world.store.changes_max, 1, OUTBOX_CHANGE_BATCH);
}

/* What is rare is found on every page, and changed in as few transactions as it needs. */
static void test_rare(void **state)
{
    (void)state;
    many_setup();
    world_expect("discard --all --reason rare", EXIT_FINE, "8 are discarded\n", "");
    assert_int_equal(world.store.now.len, MEMORY_STORE_ROWS - 8);
    assert_int_equal(world.store.committed, 1);
    world_expect("discard --all --reason rare", EXIT_FINE, "0 are discarded\n", "");
    assert_int_equal(world.store.begun, 1);
}

/* What was committed before a failure counts, and is told. */
static void test_fails_midway(void **state)
{
    (void)state;
    many_setup();
    world.store.fail_commit = STORE_BROKEN;
    world.store.fail_after = 2;
    assert_int_equal(world_run("replay --all --force"), EXIT_FAILED);
    assert_string_equal(world.out, "2000 will be sent again\n");
}

static void test_progress(void **state)
{
    (void)state;
    many_setup();
    world.console.err_is_terminal = true;
    world.mono_step_ms = 130; /* every other page is told */
    assert_int_equal(world_run("replay --all --force --dry-run"), EXIT_FINE);
    assert_string_equal(world.err, "\r2000 of 4096\r4000 of 4096\r4096 of 4096\r\033[K");
    assert_int_equal(world_run("replay --all --force"), EXIT_FINE);
    assert_string_equal(world.err, "\r2000 of 4096\r4000 of 4096\r4096 of 4096\r\033[K");
}

static void stop_now(struct memory_store *store)
{
    (void)store;
    assert_int_equal(raise(SIGINT), 0);
}

#define STOPPED "convex-relay: stopped: the other letters are as they were\n"

/* Ctrl-C: what was done is told, and the next command is not meant. */
static void test_stops(void **state)
{
    (void)state;
    many_setup();
    world.store.on_commit = stop_now;
    world_expect("replay --all --force", EXIT_FAILED, "1000 will be sent again\n", STOPPED);
    world.store.on_commit = NULL;
    world_expect("discard --all", EXIT_FINE, "3096 are discarded\n", "");
}

static void die_again(struct memory_store *store)
{
    memory_store_add(store, (struct store_row){.id = store->now.rows[store->now.len - 1].id + 1,
                                               .state = STORE_DEAD});
}

/* A server that takes forced letters up and sees them die again must not keep this going. */
static void test_ends(void **state)
{
    enum { LETTERS = OUTBOX_CHANGE_BATCH + 500 };

    (void)state;
    world_setup(NULL);
    for (uint64_t id = 1; id <= LETTERS; id++)
        memory_store_add(&world.store, (struct store_row){.id = id, .state = STORE_DEAD});
    world.store.on_commit = die_again;
    world_expect("replay --all --force", EXIT_FINE, "1500 will be sent again\n", "");
    assert_int_equal(world.store.begun, 2);
}

/* Discards each of the many letters by its id. */
static int many_discard(void)
{
    static uint64_t ids[MEMORY_STORE_ROWS];
    struct outbox_request request = {.ids = ids, .ids_len = array_len(ids)};

    for (size_t i = 0; i < array_len(ids); i++)
        ids[i] = (i + 1) * MANY_STEP;
    world_forget();
    world.console.out = open_memstream(&world.out, &world.out_len);
    world.console.err = open_memstream(&world.err, &world.err_len);
    int exit_code = outbox_letters_discard(&world.console, &world.store.store, &request);
    assert_int_equal(fclose(world.console.out), 0);
    assert_int_equal(fclose(world.console.err), 0);
    return exit_code;
}

/* Ids beyond one transaction. */
static void test_many_ids(void **state)
{
    (void)state;
    many_setup();
    assert_int_equal(many_discard(), EXIT_FINE);
    assert_int_equal(world.store.now.len, 0);
    assert_int_equal(world.store.committed, 5);
    assert_non_null(strstr(world.out, "\n12288: is discarded\n"));
    assert_int_equal(world.err_len, 0);
}

static void test_many_ids_stop(void **state)
{
    (void)state;
    many_setup();
    world.store.on_commit = stop_now;
    assert_int_equal(many_discard(), EXIT_FAILED);
    assert_int_equal(world.store.now.len, MEMORY_STORE_ROWS - OUTBOX_CHANGE_BATCH);
    assert_non_null(strstr(world.out, "\n3000: is discarded\n"));
    assert_null(strstr(world.out, "\n3003: is discarded\n"));
    assert_string_equal(world.err, STOPPED);
}

int main(void)
{
    static struct CMUnitTest
        tests[array_len(change_rows) + array_len(selected_cases) + array_len(failure_rows) + 10];
    size_t len = rows_add(tests, 0, change_rows, test_change);

    len = rows_add(tests, len, selected_cases, test_selected);
    len = rows_add(tests, len, failure_rows, test_failure);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_selected_stale);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_rare);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_stops);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_many_ids_stop);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_fails_within);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_batches);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_fails_midway);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_progress);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_ends);
    tests[len] = (struct CMUnitTest)cmocka_unit_test(test_many_ids);
    return cmocka_run_group_tests(tests, NULL, world_teardown);
}
