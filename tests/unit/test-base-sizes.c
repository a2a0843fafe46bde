/* SPDX-License-Identifier: MIT */
/* Which bucket a size falls into. */
#include "base/sizes.h"

#include <stdlib.h>

#include "tests/unit/lib/rows.h"

static struct bucket_row {
    const char *name;
    int size;
    int bucket;
} bucket_rows[] = {
    {"one", 1, 0},
    {"on the first bound", 2, 0},
    {"between bounds", 3, 1},
    {"on a bound", 50, 4},
    {"on the last bound", 500, SIZES_BUCKETS - 1},
    {"beyond", 501, SIZES_BUCKETS},
};

static void test_bucket(void **state)
{
    const struct bucket_row *row = *state;
    struct sizes sizes = {0};

    sizes_add(&sizes, row->size);
    for (int i = 0; i <= SIZES_BUCKETS; i++)
        assert_int_equal(sizes.counts[i], i == row->bucket);
    assert_int_equal(sizes.sum, row->size);
}

static void test_bounds_rise_and_say_what_they_are(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES_BUCKETS; i++) {
        assert_true(i == 0 || sizes_bounds[i].size > sizes_bounds[i - 1].size);
        assert_int_equal(atoi(sizes_bounds[i].text), sizes_bounds[i].size);
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
