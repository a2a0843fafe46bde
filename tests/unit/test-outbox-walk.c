/* SPDX-License-Identifier: MIT */
/* Thousands of random changes, with openings in between: a store is always what it should be. */
#include "tests/unit/lib/any_store.h"
#include "tests/unit/lib/store_walk.h"

enum { STEPS = 1500, REOPEN_EVERY = 100 };

struct walk_case {
    const char *name;
    uint64_t seed;
};

static struct walk_case walk_cases[] = {
    {"seed 1", 1},
    {"seed 2", 2},
    {"seed 3", 3},
    {"seed 4", 4},
};

static void store_stays_what_it_should_be(void **state)
{
    const struct walk_case *walk_case = *state;
    struct folder folder;
    static struct walk walk;

    walk = (struct walk){.dice = walk_case->seed};
    folder_make(&folder);
    walk.store = any_store_open(&folder);
    for (int step = 1; step <= STEPS; step++) {
        assert_int_equal(walk_step(&walk), 0);
        if (step % REOPEN_EVERY == 0) {
            walk.store->ops->close(walk.store);
            walk.store = any_store_open(&folder);
        }
        if (step % 10 == 0 || step % REOPEN_EVERY == 0)
            assert_true(mirror_is(&walk.now, walk.store));
    }
    assert_true(walk.commits > STEPS / 2);
    walk.store->ops->close(walk.store);
    folder_empty(&folder);
}

int main(void)
{
    static struct CMUnitTest tests[array_len(walk_cases)];

    rows_add(tests, 0, walk_cases, store_stays_what_it_should_be);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
