/* SPDX-License-Identifier: MIT */
/* How long to wait before the next attempt. */
#include "tests/unit/lib/rows.h"

#include "convex/backoff.h"

/* Loaded dice: the highest face, or the lowest. */
static uint64_t roll_high(struct dice *dice, uint64_t sides)
{
    (void)dice;
    return sides - 1;
}

static uint64_t roll_low(struct dice *dice, uint64_t sides)
{
    (void)dice;
    (void)sides;
    return 0;
}

struct row {
    const char *name;
    int failures;
    bool overload;
    int64_t retry_after_ms;
    int64_t least_ms, most_ms;
};

static struct row rows[] = {
    {"first", 1, false, -1, 0, 500},
    {"second", 2, false, -1, 0, 1000},
    {"third", 3, false, -1, 0, 2000},
    {"seventh", 7, false, -1, 0, 32000},
    {"eighth: no more than a minute", 8, false, -1, 0, 60000},
    {"thousandth", 1000, false, -1, 0, 60000},
    {"more than any counter", INT32_MAX, false, -1, 0, 60000},
    {"none yet", 0, false, -1, 0, 500},
    {"first, overload", 1, true, -1, 0, 3000},
    {"second, overload", 2, true, -1, 0, 6000},
    {"sixth, overload", 6, true, -1, 0, 60000},
    {"told to wait", 1, false, 7000, 7000, 7000},
    {"told to wait less than it does anyway", 4, false, 1000, 1000, 4000},
    {"told to wait longer than it ever does", 4, false, 3600000, 3600000, 3600000},
    {"told to wait for nothing", 1, false, 0, 0, 500},
};

static void test_row(void **state)
{
    const struct row *row = *state;
    struct dice high = {roll_high}, low = {roll_low};

    assert_int_equal(backoff_ms(row->failures, row->overload, row->retry_after_ms, &low),
                     row->least_ms);
    assert_int_equal(backoff_ms(row->failures, row->overload, row->retry_after_ms, &high),
                     row->most_ms);
}

static void test_jitter_is_full(void **state)
{
    (void)state;
    int low = 0;

    for (int i = 0; i < 1000; i++)
        low += backoff_ms(4, false, -1, &dice_system) < 2000;
    /* Half of 4 s: 500 of 1000 are below; 9 standard deviations away lies 357. */
    assert_in_range(low, 357, 643);
}

int main(void)
{
    static struct CMUnitTest tests[array_len(rows) + 1];
    size_t len = rows_add(tests, 0, rows, test_row);

    tests[len] = (struct CMUnitTest)cmocka_unit_test(test_jitter_is_full);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
