/* SPDX-License-Identifier: MIT */
/* How long the jobs of a journal wait for others. */
#include "tests/unit/lib/rows.h"

#include "outbox/outbox_gather.h"

enum { START_MS = 1000, LONG_MS = 1000 };

/* Appends come at so many in a millisecond, and each is flushed when its wait is over. Returns the
 * time between the last two flushes. */
static int64_t apart_at(struct outbox_gather *gather, int appends, int every_ms)
{
    int64_t flush_at_ms = INT64_MAX, apart_ms = 0;

    for (int64_t now_ms = START_MS; now_ms < START_MS + LONG_MS; now_ms++) {
        if (now_ms >= flush_at_ms) {
            apart_ms = now_ms - gather->flushed_ms;
            outbox_gather_flushed(gather, now_ms);
            flush_at_ms = INT64_MAX;
        }
        for (int i = 0; i < appends && now_ms % every_ms == 0; i++) {
            int64_t at_ms = now_ms + outbox_gather_wait_ms(gather, now_ms, true);
            flush_at_ms = at_ms < flush_at_ms ? at_ms : flush_at_ms;
        }
        if (flush_at_ms <= now_ms) { /* at the end of this turn */
            apart_ms = now_ms - gather->flushed_ms;
            outbox_gather_flushed(gather, now_ms);
            flush_at_ms = INT64_MAX;
        }
    }
    return apart_ms;
}

struct rate_row {
    const char *name;
    int appends, every_ms, apart_ms;
};

static struct rate_row rate_rows[] = {
    {"rate/one in 10 ms: at once", 1, 10, 10},
    {"rate/one in 2 ms: at once", 1, 2, 2},
    {"rate/one in a millisecond", 1, 1, 1},
    {"rate/five in a millisecond", 5, 1, 1},
    {"rate/six in a millisecond", 6, 1, 2},
    {"rate/nine in a millisecond", 9, 1, 3},
    {"rate/twenty in a millisecond: not longer", 20, 1, 3},
};

static void test_rate(void **state)
{
    const struct rate_row *row = *state;
    struct outbox_gather gather = {0};

    assert_int_equal(apart_at(&gather, row->appends, row->every_ms), row->apart_ms);
}

static void a_lone_append_behind_a_busy_time_goes_at_once(void **state)
{
    struct outbox_gather gather = {0};
    const int64_t later_ms = START_MS + LONG_MS + 500;

    (void)state;
    (void)apart_at(&gather, 20, 1);
    assert_int_equal(outbox_gather_wait_ms(&gather, later_ms, true), 0);
    outbox_gather_flushed(&gather, later_ms);
    assert_int_equal(outbox_gather_wait_ms(&gather, later_ms + 1, true), 0);
}

static void a_settlement_waits_for_the_next_append(void **state)
{
    struct outbox_gather gather = {0};

    (void)state;
    outbox_gather_flushed(&gather, START_MS);
    assert_int_equal(outbox_gather_wait_ms(&gather, START_MS + LONG_MS, false), 5);
    assert_int_equal(outbox_gather_wait_ms(&gather, START_MS + LONG_MS, true), 0);
}

int main(void)
{
    static struct CMUnitTest tests[array_len(rate_rows) + 2];
    size_t len = rows_add(tests, 0, rate_rows, test_rate);

    tests[len++] =
        (struct CMUnitTest)cmocka_unit_test(a_lone_append_behind_a_busy_time_goes_at_once);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(a_settlement_waits_for_the_next_append);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
