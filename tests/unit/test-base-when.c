/* SPDX-License-Identifier: MIT */
/* Times as people write them. The milliseconds are GNU date's: date -d … +%s%3N */
#include "tests/unit/lib/rows.h"

#include <stdlib.h>
#include <time.h>

#include "base/when.h"

#define NOW_MS INT64_C(1795366390123) /* 2026-11-22T16:53:10.123Z */
#define SECOND_MS INT64_C(1000)
#define HOUR_MS (3600 * SECOND_MS)
#define DAY_MS (24 * HOUR_MS)
#define MIDNIGHT_MS INT64_C(1795305600000) /* of that day, in UTC */
#define NO_TIME INT64_C(-1)

/* Two hours east of Greenwich. */
static int64_t east(int64_t local_ms)
{
    return local_ms - 2 * HOUR_MS;
}

static struct row {
    const char *name;
    struct span text;
    int64_t ms;
} rows[] = {
    {"as it is printed here", TEXT("2026-11-22T16:53:10.123Z"), NOW_MS},
    {"without a fraction", TEXT("2026-11-22T16:53:10Z"), NOW_MS - 123},
    {"without seconds", TEXT("2026-11-22T16:53Z"), NOW_MS - 10123},
    {"in small letters", TEXT("2026-11-22t16:53:10z"), NOW_MS - 123},
    {"a blank for T", TEXT("2026-11-22 16:53:10Z"), NOW_MS - 123},
    {"a comma", TEXT("2026-11-22T16:53:10,123Z"), NOW_MS},
    {"one digit of a fraction", TEXT("2026-11-22T16:53:10.1Z"), NOW_MS - 23},
    {"many digits of a fraction", TEXT("2026-11-22T16:53:10.12399999999999999999999Z"), NOW_MS},
    {"an offset to the east", TEXT("2026-11-22T17:53:10.123+01:00"), NOW_MS},
    {"an offset to the west", TEXT("2026-11-22T12:23:10.123-04:30"), NOW_MS},
    {"an offset without a colon", TEXT("2026-11-22T17:53:10.123+0100"), NOW_MS},
    {"an offset of hours", TEXT("2026-11-22T17:53:10.123+01"), NOW_MS},
    {"an offset that is not known", TEXT("2026-11-22T16:53:10.123-00:00"), NOW_MS},
    {"an offset over midnight", TEXT("2026-11-23T02:53:10.123+10:00"), NOW_MS},
    {"the largest offset", TEXT("2026-11-23T16:52:10.123+23:59"), NOW_MS},
    {"no zone", TEXT("2026-11-22T18:53:10.123"), NOW_MS},
    {"a day", TEXT("2026-11-22"), MIDNIGHT_MS - 2 * HOUR_MS},
    {"the beginning of a day", TEXT("2026-11-22T00:00Z"), MIDNIGHT_MS},
    {"24:00", TEXT("2026-11-21T24:00Z"), MIDNIGHT_MS},
    {"24:00:00.000", TEXT("2026-11-21T24:00:00.000Z"), MIDNIGHT_MS},
    {"24:00 at the end of a year", TEXT("2026-12-31T24:00Z"), INT64_C(1798761600000)},
    {"the last moment of a day", TEXT("2026-11-21T23:59:59.999Z"), MIDNIGHT_MS - 1},
    {"a leap day", TEXT("2028-02-29T00:00Z"), INT64_C(1835395200000)},
    {"a leap day of a fourth century", TEXT("2000-02-29T00:00Z"), INT64_C(951782400000)},
    {"the first moment there is", TEXT("1970-01-01T00:00Z"), 0},
    {"the first moment, from the west", TEXT("1969-12-31T23:00-01:00"), 0},
    {"the far future", TEXT("9999-12-31T23:59:59.999Z"), INT64_C(253402300799999)},

    {"an age of seconds", TEXT("45s"), NOW_MS - 45 * SECOND_MS},
    {"an age of minutes", TEXT("90m"), NOW_MS - 90 * 60 * SECOND_MS},
    {"an age of hours", TEXT("12h"), NOW_MS - 12 * HOUR_MS},
    {"an age of days", TEXT("3d"), NOW_MS - 3 * DAY_MS},
    {"an age of weeks", TEXT("2w"), NOW_MS - 14 * DAY_MS},
    {"no age", TEXT("0d"), NOW_MS},
    {"an age with a nought before it", TEXT("007d"), NOW_MS - 7 * DAY_MS},
    {"an age of a year's digits", TEXT("2026m"), NOW_MS - INT64_C(2026) * 60 * SECOND_MS},
    {"the greatest age", TEXT("1795366390s"), 123},

    {"nothing", TEXT(""), NO_TIME},
    {"a word", TEXT("yesterday"), NO_TIME},
    {"a number", TEXT("1795366390"), NO_TIME},
    {"a unit", TEXT("d"), NO_TIME},
    {"a negative age", TEXT("-3d"), NO_TIME},
    {"a signed age", TEXT("+3d"), NO_TIME},
    {"an age of two units", TEXT("1d12h"), NO_TIME},
    {"an age with a fraction", TEXT("1.5h"), NO_TIME},
    {"an age with a blank", TEXT("3 d"), NO_TIME},
    {"an age of months", TEXT("3M"), NO_TIME},
    {"an age of days in words", TEXT("3days"), NO_TIME},
    {"an age from before 1970", TEXT("1795366391s"), NO_TIME},
    {"an age beyond 64 bits", TEXT("20000000000000000000w"), NO_TIME},
    {"an age beyond 64 bits, by its unit", TEXT("253402300800000w"), NO_TIME},
    {"an age of many digits", TEXT(X100("9") "s"), NO_TIME},
    {"29 February of another year", TEXT("2026-02-29"), NO_TIME},
    {"29 February of a century", TEXT("2100-02-29T00:00Z"), NO_TIME},
    {"31 November", TEXT("2026-11-31T00:00Z"), NO_TIME},
    {"month 13", TEXT("2026-13-01"), NO_TIME},
    {"month 0", TEXT("2026-00-01"), NO_TIME},
    {"day 0", TEXT("2026-11-00"), NO_TIME},
    {"a month", TEXT("2026-11"), NO_TIME},
    {"a year", TEXT("2026"), NO_TIME},
    {"a month of one digit", TEXT("2026-1-22"), NO_TIME},
    {"a year of five digits", TEXT("10000-01-01"), NO_TIME},
    {"the end of year 9999", TEXT("9999-12-31T24:00Z"), NO_TIME},
    {"year 10000, from the west", TEXT("9999-12-31T23:59:59-00:01"), NO_TIME},
    {"before 1970", TEXT("1969-12-31T23:59:59.999Z"), NO_TIME},
    {"before 1970, from the east", TEXT("1970-01-01T00:00+00:01"), NO_TIME},
    {"before 1970, in the zone", TEXT("1970-01-01T01:59"), NO_TIME},
    {"the other way round", TEXT("22.11.2026"), NO_TIME},
    {"without dashes", TEXT("20261122T165310Z"), NO_TIME},
    {"an hour alone", TEXT("2026-11-22T16Z"), NO_TIME},
    {"a fraction of a minute", TEXT("2026-11-22T16:53.5Z"), NO_TIME},
    {"an empty fraction", TEXT("2026-11-22T16:53:10.Z"), NO_TIME},
    {"24:01", TEXT("2026-11-22T24:01Z"), NO_TIME},
    {"24:00:00.001", TEXT("2026-11-22T24:00:00.001Z"), NO_TIME},
    {"25:00", TEXT("2026-11-22T25:00Z"), NO_TIME},
    {"minute 60", TEXT("2026-11-22T16:60Z"), NO_TIME},
    {"a leap second", TEXT("2016-12-31T23:59:60Z"), NO_TIME},
    {"T and nothing", TEXT("2026-11-22T"), NO_TIME},
    {"a zone without a time", TEXT("2026-11-22Z"), NO_TIME},
    {"the name of a zone", TEXT("2026-11-22T16:53:10 CET"), NO_TIME},
    {"an offset of 24 hours", TEXT("2026-11-22T16:53:10+24:00"), NO_TIME},
    {"an offset of 60 minutes", TEXT("2026-11-22T16:53:10+01:60"), NO_TIME},
    {"half an offset", TEXT("2026-11-22T16:53:10+1"), NO_TIME},
    {"an offset that ends early", TEXT("2026-11-22T16:53:10+01:"), NO_TIME},
    {"more behind the zone", TEXT("2026-11-22T16:53:10Z "), NO_TIME},
    {"a blank before", TEXT(" 2026-11-22"), NO_TIME},
    {"a NUL", TEXT("2026-11-22\0"), NO_TIME},
    {"a NUL for a unit", TEXT("3\0"), NO_TIME},
    {"a NUL for a zone", TEXT("2026-11-22T16:53:10.1\0"), NO_TIME},
    {"a NUL for a fraction", TEXT("2026-11-22T16:53:10\0"), NO_TIME},
};

static void test_row(void **state)
{
    const struct row *row = *state;
    int64_t ms = NO_TIME; /* untouched where it cannot be read */

    assert_int_equal(when_parse(row->text, NOW_MS, east, &ms), row->ms != NO_TIME);
    assert_true(ms == row->ms);
}

static void test_zone_demanded(void **state)
{
    int64_t ms = NO_TIME;

    (void)state;
    assert_false(when_parse(SPAN("2026-11-22T16:53"), NOW_MS, NULL, &ms));
    assert_false(when_parse(SPAN("2026-11-22"), NOW_MS, NULL, &ms));
    assert_true(when_parse(SPAN("2026-11-22T16:53:10.123Z"), NOW_MS, NULL, &ms));
    assert_true(ms == NOW_MS);
    assert_true(when_parse(SPAN("0s"), NOW_MS, NULL, &ms));
}

/* ---- The zone of the process ---- */

/* As POSIX writes zones, so that the machine need not know their names. */
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

static struct zone_row {
    const char *name;
    const char *zone, *text;
    int64_t ms;
} zone_rows[] = {
    {"zone: UTC", "UTC0", "2026-11-22T16:53:10.123", NOW_MS},
    {"zone: in winter", BERLIN, "2026-11-22T17:53:10.123", NOW_MS},
    {"zone: in summer", BERLIN, "2026-07-01", INT64_C(1782856800000)},
    {"zone: the evening before", "EST5", "2026-11-21T19:00", MIDNIGHT_MS},
};

static void test_zone(void **state)
{
    const struct zone_row *row = *state;
    int64_t ms = NO_TIME;

    assert_int_equal(setenv("TZ", row->zone, 1), 0);
    assert_true(when_parse(span_of(row->text), NOW_MS, when_local, &ms));
    assert_true(ms == row->ms);
}

/* Nobody can say what is meant; near it is enough. */
static void test_zone_odd_hours(void **state)
{
    int64_t skipped_ms = 0, doubled_ms = 0;

    (void)state;
    assert_int_equal(setenv("TZ", BERLIN, 1), 0);
    assert_true(when_parse(SPAN("2026-03-29T02:30"), NOW_MS, when_local, &skipped_ms));
    assert_true(when_parse(SPAN("2026-10-25T02:30"), NOW_MS, when_local, &doubled_ms));
    assert_in_range(skipped_ms, INT64_C(1774744200000), INT64_C(1774747800000));
    assert_in_range(doubled_ms, INT64_C(1792888200000), INT64_C(1792891800000));
}

int main(void)
{
    static struct CMUnitTest tests[array_len(rows) + array_len(zone_rows) + 2];
    size_t len = rows_add(tests, 0, rows, test_row);

    len = rows_add(tests, len, zone_rows, test_zone);
    tests[len++] = (struct CMUnitTest)cmocka_unit_test(test_zone_demanded);
    tests[len] = (struct CMUnitTest)cmocka_unit_test(test_zone_odd_hours);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
