/* SPDX-License-Identifier: MIT */
/* The numbers of events, whatever the clock does. */
#include "tests/unit/lib/rows.h"

#include "outbox/outbox_ids.h"

enum { STEPS = 6 };

struct ids_case {
    const char *name;
    uint64_t mark;
    int64_t wall_ms[STEPS];
    uint64_t ids[STEPS];
};

#define FROM OUTBOX_IDS_FROM
#define NOW_MS INT64_C(1795000000000)
#define NOW ((uint64_t)NOW_MS * 1000)

static struct ids_case ids_cases[] = {
    {"by the clock", 0, {NOW_MS, NOW_MS + 2, NOW_MS + 7}, {NOW, NOW + 2000, NOW + 7000}},
    {"several in a millisecond", 0, {NOW_MS, NOW_MS, NOW_MS + 1}, {NOW, NOW + 1, NOW + 1000}},
    {"a clock that is set back", 0, {NOW_MS, NOW_MS - 90000, NOW_MS}, {NOW, NOW + 1, NOW + 2}},
    {"a clock before 2005", 0, {0, 1, 5000}, {FROM, FROM + 1, FROM + 2}},
    {"a clock before 1970", 0, {-1, INT64_MIN, -9}, {FROM, FROM + 1, FROM + 2}},
    {"a clock beyond 2255",
     0,
     {INT64_MAX, NOW_MS, (INT64_C(1) << 53) / 1000 + 1},
     {FROM, NOW, NOW + 1}},
    {"behind a mark ahead of the clock",
     NOW + 500,
     {NOW_MS, NOW_MS, NOW_MS + 1},
     {NOW + 501, NOW + 502, NOW + 1000}},
    {"behind a mark of version 1", OUTBOX_IDS_EARLY + 77, {3, 3}, {FROM, FROM + 1}},
    {"behind an old mark", NOW - 1, {NOW_MS + 3}, {NOW + 3000}},
};

static void ids_are(void **state)
{
    const struct ids_case *ids_case = *state;
    struct outbox_ids ids;

    outbox_ids_init(&ids, ids_case->mark);
    for (int i = 0; i < STEPS && ids_case->ids[i]; i++)
        assert_int_equal(outbox_ids_next(&ids, ids_case->wall_ms[i]), ids_case->ids[i]);
    assert_true(outbox_ids_mark(ids.last) > ids.last);
}

/* More than a million a second, for which the clock has no numbers. */
static void ids_rise_faster_than_the_clock(void **state)
{
    struct outbox_ids ids;
    uint64_t last = 0;

    (void)state;
    outbox_ids_init(&ids, 0);
    for (int64_t i = 0; i < 100000; i++) {
        uint64_t id = outbox_ids_next(&ids, NOW_MS + i / 10000);
        assert_true(id > last);
        last = id;
    }
    assert_true(last < OUTBOX_IDS_END);
}

int main(void)
{
    static struct CMUnitTest tests[array_len(ids_cases) + 1] = {
        cmocka_unit_test(ids_rise_faster_than_the_clock)};

    rows_add(tests, 1, ids_cases, ids_are);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
