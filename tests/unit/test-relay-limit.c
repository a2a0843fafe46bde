/* SPDX-License-Identifier: MIT */
/* How many may be under way at once. */
#include "tests/unit/lib/rows.h"

#include "relay/limit.h"

static void succeed(struct limit *limit, int times)
{
    for (int i = 0; i < times; i++) {
        (void)limit_begin(limit);
        limit_success(limit);
    }
}

static void test_grows_by_one_a_round(void **state)
{
    (void)state;
    struct limit limit;

    limit_init(&limit, 16);
    limit_restart(&limit, 0);
    assert_int_equal(limit.now, 1);
    succeed(&limit, 1);
    assert_int_equal(limit.now, 2);
    succeed(&limit, 1);
    assert_int_equal(limit.now, 2);
    succeed(&limit, 1);
    assert_int_equal(limit.now, 3);
    succeed(&limit, 10000);
    assert_int_equal(limit.now, 16);
}

static void test_one_cut_for_those_that_fail_together(void **state)
{
    (void)state;
    struct limit limit;
    uint64_t attempts[16];

    limit_init(&limit, 16);
    for (int i = 0; i < 16; i++)
        attempts[i] = limit_begin(&limit);
    for (int i = 0; i < 16; i++)
        limit_cut(&limit, attempts[i]);
    assert_int_equal(limit.now, 8);
    limit_cut(&limit, limit_begin(&limit));
    assert_int_equal(limit.now, 4);
}

static void test_never_below_one(void **state)
{
    (void)state;
    struct limit limit;

    limit_init(&limit, 3);
    for (int i = 0; i < 10; i++)
        limit_cut(&limit, limit_begin(&limit));
    assert_int_equal(limit.now, 1);
}

static void test_a_new_maximum(void **state)
{
    (void)state;
    struct limit limit;

    limit_init(&limit, 16);
    limit_set_max(&limit, 4); /* a reload lowers it */
    assert_int_equal(limit.now, 4);
    limit_set_max(&limit, 8); /* and raises it: now was at the maximum */
    assert_int_equal(limit.now, 8);
    limit_cut(&limit, limit_begin(&limit));
    limit_set_max(&limit, 16); /* what was learned stays */
    assert_int_equal(limit.now, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_by_one_a_round),
        cmocka_unit_test(test_one_cut_for_those_that_fail_together),
        cmocka_unit_test(test_never_below_one),
        cmocka_unit_test(test_a_new_maximum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
