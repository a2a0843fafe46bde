/* SPDX-License-Identifier: MIT */
/* `convex-relay outbox replay` and `discard`: what becomes of dead letters. */
#include "cli/outbox_request.h"
#include "outbox_console_world.h"

#define STALE                                                                                      \
    "a newer event of its record was delivered since, which this one would undo; --force sends "   \
    "it all the same\n"
#define PENDING "it is pending, not dead: the relay is still trying to deliver it\n"
#define WAITING "it is waiting to be sent again already\n"
#define UNKNOWN "there is no such event\n"

/* 1: pending, 2: dead, 3: stale, 4: replayed, 5: dead, of another model */
static int letters_setup(void **state)
{
    static const struct store_row rows[] = {
        {.id = 1, .state = STORE_PENDING, .model = TEXT("users")},
        {.id = 2, .state = STORE_DEAD, .model = TEXT("users")},
        {.id = 3, .state = STORE_DEAD, .model = TEXT("users"), .stale = true},
        {.id = 4, .state = STORE_REPLAY, .model = TEXT("users")},
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
    {"replays all but stale ones", "replay --all", EXIT_FAILED, "2 will be sent again\n",
     "convex-relay: 1 stay dead: newer events of their records were delivered since; --force sends "
     "them all the same\n",
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
};

static void test_change(void **state)
{
    const struct change_row *row = *state;

    letters_setup(NULL);
    world_expect(row->line, row->exit_code, row->out, row->err);
    assert_string_equal(letters_states(), row->states);
    assert_int_equal(world.store.closed, 1);
}

/* ---- Failures ---- */

#define FULL "convex-relay: OUTBOX: it is full, or its disk is\n"

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
        memory_store_add(
            &world.store,
            (struct store_row){.id = n * MANY_STEP, .state = STORE_DEAD, .stale = n % 4 == 0});
    world.store.counts.dead = MEMORY_STORE_ROWS;
}

static void test_batches(void **state)
{
    (void)state;
    many_setup();
    assert_int_equal(world_run("replay --all"), EXIT_FAILED);
    assert_string_equal(world.out, "3072 will be sent again\n");
    assert_non_null(strstr(world.err, "convex-relay: 1024 stay dead: "));
    assert_int_equal(world.store.committed, 5);
    assert_in_range(world.store.changes_max, 1, OUTBOX_BATCH);
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
    world.mono_step_ms = 130; /* every other batch is told */
    assert_int_equal(world_run("replay --all --force"), EXIT_FINE);
    assert_string_equal(world.err, "\r2000 of 4096\r4000 of 4096\r\033[K");
}

static void die_again(struct memory_store *store)
{
    memory_store_add(store, (struct store_row){.id = store->now.rows[store->now.len - 1].id + 1,
                                               .state = STORE_DEAD});
}

/* A server that takes forced letters up and sees them die again must not keep this going. */
static void test_ends(void **state)
{
    (void)state;
    letters_setup(NULL);
    world.store.on_commit = die_again;
    world_expect("replay --all --force", EXIT_FINE, "3 will be sent again\n", "");
    assert_int_equal(world.store.begun, 1);
}

/* Ids beyond one transaction. */
static void test_many_ids(void **state)
{
    static uint64_t ids[MEMORY_STORE_ROWS];
    struct outbox_request request = {.ids = ids, .ids_len = array_len(ids), .force = true};

    (void)state;
    many_setup();
    for (size_t i = 0; i < array_len(ids); i++)
        ids[i] = (i + 1) * MANY_STEP;
    world.console.out = open_memstream(&world.out, &world.out_len);
    world.console.err = open_memstream(&world.err, &world.err_len);
    assert_int_equal(outbox_discard(&world.console, &world.store.store, &request), EXIT_FINE);
    assert_int_equal(fclose(world.console.out), 0);
    assert_int_equal(fclose(world.console.err), 0);
    assert_int_equal(world.store.now.len, 0);
    assert_int_equal(world.store.committed, 5);
    assert_non_null(strstr(world.out, "\n12288: is discarded\n"));
    assert_int_equal(world.err_len, 0);
}

int main(void)
{
    static struct CMUnitTest tests[array_len(change_rows) + array_len(failure_rows) + 6];
    size_t len = rows_add(tests, 0, change_rows, test_change);

    len = rows_add(tests, len, failure_rows, test_failure);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_fails_within);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_batches);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_fails_midway);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_progress);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_ends);
    tests[len] = (struct CMUnitTest)cmocka_unit_test(test_many_ids);
    return cmocka_run_group_tests(tests, NULL, world_teardown);
}
