/* SPDX-License-Identifier: MIT */
/* Which bucket a time falls into. */
#include "base/histogram.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/lib/rows.h"

struct bucket_row {
    const char *name;
    int64_t ms;
    int bucket;
};

static struct bucket_row bucket_rows[] = {
    {"nothing", 0, 0},
    {"a clock that went back", -5, 0},
    {"below the first bound", 1, 0},
    {"on the first bound", 2, 1},
    {"between bounds", 99, 5},
    {"on a bound", 100, 6},
    {"below the last bound", 29999, HISTOGRAM_BUCKETS - 1},
    {"on the last bound", 30000, HISTOGRAM_BUCKETS},
    {"far beyond", INT64_MAX, HISTOGRAM_BUCKETS},
};

static void test_bucket(void **state)
{
    const struct bucket_row *row = *state;
    struct histogram histogram = {0};

    histogram_add(&histogram, row->ms);
    for (int i = 0; i <= HISTOGRAM_BUCKETS; i++)
        assert_int_equal(histogram.counts[i], i == row->bucket);
    assert_int_equal(histogram.sum_ms, row->ms > 0 ? row->ms : 0);
}

static void test_bounds_rise_and_say_what_they_are(void **state)
{
    (void)state;
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        assert_true(i == 0 || histogram_bounds[i].ms > histogram_bounds[i - 1].ms);
        assert_int_equal((int64_t)(strtod(histogram_bounds[i].seconds, NULL) * 1000 + 0.5),
                         histogram_bounds[i].ms);
    }
}

int main(void)
{
    struct CMUnitTest tests[1 + array_len(bucket_rows)] = {
        cmocka_unit_test(test_bounds_rise_and_say_what_they_are),
    };

    rows_add(tests, 1, bucket_rows, test_bucket);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
