/* SPDX-License-Identifier: MIT */
/*
 * The SQLite store on a disk that fails, is full, or loses power, at every single call in turn.
 *
 * A walk of random changes runs until the fault strikes, and on behind it; then the disk is well
 * again, and the file is opened anew. What was committed must be there, and nothing else, save the
 * one transaction whose commit failed last: of a failed sync nobody can tell what it has left.
 */
#include "tests/unit/lib/fault_vfs.h"
#include "tests/unit/lib/store_walk.h"

#include "base/log.h"

enum {
    STEPS = 12,      /* transactions in a walk */
    AFTERWARDS = 3,  /* transactions behind the fault */
    POWER_SEEDS = 2, /* random losses at each point */
    SEED = 5,
};

struct fault_case {
    const char *name;
    enum fault_kind kind;
    unsigned calls;
};

static struct fault_case fault_cases[] = {
    {"a write fails once", FAULT_EIO_ONCE, FAULT_WRITES},
    {"a sync fails once", FAULT_EIO_ONCE, FAULT_SYNCS},
    {"a read fails once", FAULT_EIO_ONCE, FAULT_READS},
    {"a deletion fails once", FAULT_EIO_ONCE, FAULT_DELETES},
    {"the disk fails for good", FAULT_EIO, FAULT_WRITES | FAULT_SYNCS | FAULT_READS},
    {"the disk is full once", FAULT_FULL_ONCE, FAULT_WRITES},
    {"the disk is full for good", FAULT_FULL, FAULT_WRITES},
    {"a sync finds a quota used up", FAULT_QUOTA_ONCE, FAULT_SYNCS},
    {"a quota is used up for good", FAULT_QUOTA, FAULT_WRITES | FAULT_SYNCS},
};

static struct folder folder;
static struct walk walk;

static int group_setup(void **state)
{
    (void)state;
    fault_vfs_install();
    log_setup(LOG_ERROR + 1, LOG_TEXT); /* thousands of failures need no lines */
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    fault_vfs_remove();
    return 0;
}

static void walk_start(uint64_t seed)
{
    /* In memory, where there is such a place: what is lost is lost by the fault_vfs alone. */
    folder_make_in(&folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    walk = (struct walk){.dice = seed};
    walk.store = folder_open(&folder, STORE_SERVE);
}

static void walk_end(void)
{
    walk.store = walk.store->ops->close(walk.store);
    folder_empty(&folder);
}

/* The same walk in each run, so that the nth call is each time another place in it. */
static void walk_on(int steps)
{
    for (int step = 0; step < steps; step++) {
        int r = walk_step(&walk);
        assert_true(r == 0 || r == STORE_BROKEN || r == STORE_FULL);
    }
}

static int failure_of(const struct fault_case *fault_case)
{
    switch (fault_case->kind) {
    case FAULT_FULL_ONCE:
    case FAULT_FULL:
    case FAULT_QUOTA_ONCE:
    case FAULT_QUOTA:
        return STORE_FULL;
    default:
        return STORE_BROKEN;
    }
}

static void walk_on_through(const struct fault_case *fault_case, int steps)
{
    for (int step = 0; step < steps; step++) {
        int r = walk_step(&walk);
        assert_true(r == 0 || r == failure_of(fault_case));
    }
}

/* The next write does not happen any more. */
static void walk_lose_power(void)
{
    fault_vfs_plan(FAULT_POWER, FAULT_WRITES, 1);
    while (walk_step(&walk) == 0)
        ;
    walk.store = walk.store->ops->close(walk.store);
}

static void walk_reopen_and_check(void)
{
    walk.store = folder_open(&folder, STORE_SERVE);
    walk_check_after_crash(&walk);
    for (int step = 0; step < AFTERWARDS; step++)
        assert_int_equal(walk_step(&walk), 0);
    assert_true(mirror_is(&walk.now, walk.store));
    assert_int_equal(folder_count(&folder, "damaged"), 0); /* a failing disk damages no file */
}

/* The walk and the closing, on a failing disk. True: there was a failure. */
static bool walk_through_fault(const struct fault_case *fault_case, long nth)
{
    walk_start(SEED);
    fault_vfs_plan(fault_case->kind, fault_case->calls, nth);
    walk_on_through(fault_case, STEPS);
    walk.store = walk.store->ops->close(walk.store);
    bool struck = fault_vfs_struck();
    fault_vfs_plan(FAULT_NONE, 0, 0);
    walk_reopen_and_check();
    walk_end();
    return struck;
}

static void nothing_is_lost_wherever_it_fails(void **state)
{
    const struct fault_case *fault_case = *state;
    long nth = 1;

    while (walk_through_fault(fault_case, nth))
        nth++;
    assert_true(nth > 1);
}

/* The opening, on a failing disk: it works, or is refused. */
static bool open_through_fault(const struct fault_case *fault_case, long nth)
{
    struct store *store = NULL;

    walk_start(SEED);
    walk_on(STEPS);
    walk_lose_power(); /* so that a log is left behind */
    walk.doubts = 0;

    fault_vfs_plan(fault_case->kind, fault_case->calls, nth);
    int r = folder_try_open(&folder, STORE_SERVE, &store);
    assert_true(r == 0 || r == STORE_BUSY);
    if (r && failure_of(fault_case) == STORE_FULL)
        assert_non_null(strstr(buf_string(&folder.why), "the disk is full"));
    if (!r)
        store->ops->close(store);
    bool struck = fault_vfs_struck();
    fault_vfs_plan(FAULT_NONE, 0, 0);
    walk_reopen_and_check();
    walk_end();
    return struck;
}

static void failing_start_harms_nothing(void **state)
{
    const struct fault_case *fault_case = *state;
    long nth = 1;

    while (open_through_fault(fault_case, nth))
        nth++;
    assert_true(nth > 1);
}

/* ---- Power cuts ---- */

struct power_case {
    const char *name;
    enum fault_loss loss;
    int seeds;
};

static struct power_case power_cases[] = {
    {"all that was not synced is lost", FAULT_LOSE_ALL, 1},
    {"some sectors are lost", FAULT_LOSE_SOME, POWER_SEEDS},
    {"the later sectors are lost", FAULT_LOSE_LATE, POWER_SEEDS},
};

/* True: power was cut. */
static bool walk_through_power_cut(enum fault_loss loss, uint64_t seed, long nth)
{
    walk_start(SEED + seed);
    fault_vfs_plan(FAULT_POWER, FAULT_WRITES | FAULT_SYNCS | FAULT_DELETES, nth);
    for (int step = 0; step < STEPS && walk_step(&walk) == 0; step++)
        ;
    walk.store = walk.store->ops->close(walk.store);
    bool cut = fault_vfs_struck();
    fault_vfs_restore(loss, seed);
    walk_reopen_and_check();
    walk_end();
    return cut;
}

static void what_was_committed_survives_a_power_cut(void **state)
{
    const struct power_case *power_case = *state;

    for (int seed = 0; seed < power_case->seeds; seed++) {
        long nth = 1;
        while (walk_through_power_cut(power_case->loss, (uint64_t)seed, nth))
            nth++;
        assert_true(nth > STEPS);
    }
}

/* The test itself must see what a missing sync does: with one left out, something is lost. */
static void commit_without_sync_would_be_seen(void **state)
{
    (void)state;
    walk_start(SEED);
    walk_on(STEPS);
    struct mirror synced = walk.now;
    fault_vfs_plan(FAULT_SKIP_SYNC, FAULT_SYNCS, 1);
    while (walk.commits < STEPS + 3)
        assert_int_equal(walk_step(&walk), 0);
    walk_lose_power();
    fault_vfs_restore(FAULT_LOSE_ALL, 0);
    walk.store = folder_open(&folder, STORE_SERVE);
    assert_false(mirror_is(&walk.now, walk.store));
    assert_true(mirror_is(&synced, walk.store));
    walk_end();
}

static const struct CMUnitTest plain_tests[] = {
    cmocka_unit_test(commit_without_sync_would_be_seen),
};

int main(void)
{
    static struct CMUnitTest
        tests[array_len(plain_tests) + 2 * array_len(fault_cases) + array_len(power_cases)];
    static struct fault_case open_cases[array_len(fault_cases)];
    static char names[array_len(fault_cases)][80];
    size_t len = array_len(plain_tests);

    memcpy(tests, plain_tests, sizeof(plain_tests));
    len = rows_add(tests, len, fault_cases, nothing_is_lost_wherever_it_fails);
    for (size_t i = 0; i < array_len(fault_cases); i++) {
        open_cases[i] = fault_cases[i];
        (void)snprintf(names[i], sizeof(names[i]), "at the start, %s", fault_cases[i].name);
        open_cases[i].name = names[i];
    }
    len = rows_add(tests, len, open_cases, failing_start_harms_nothing);
    rows_add(tests, len, power_cases, what_was_committed_survives_a_power_cut);
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
