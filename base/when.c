/* SPDX-License-Identifier: MIT */
/* Times as people write them. */
#include "base/when.h"

#include <time.h>

#include "base/clock.h"
#include "base/util.h"

enum { MINUTE_MS = 60 * 1000 };

/* ---- Pieces, each taken from the front ---- */

static bool when_take(struct span *text, const char *any_of)
{
    if (text->len == 0 || !*text->at || !strchr(any_of, *text->at))
        return false;
    *text = (struct span){text->at + 1, text->len - 1};
    return true;
}

static bool when_is_digit(struct span text)
{
    return text.len > 0 && *text.at >= '0' && *text.at <= '9';
}

/* Takes exactly that many digits. */
static bool when_number(struct span *text, int digits, int *number)
{
    int n = 0;

    for (int i = 0; i < digits; i++) {
        if (!when_is_digit(*text))
            return false;
        n = n * 10 + (*text->at - '0');
        *text = (struct span){text->at + 1, text->len - 1};
    }
    *number = n;
    return true;
}

/* ---- ISO 8601 ---- */

static int when_month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leaps = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leaps);
}

static bool when_date(struct span *text, struct tm *tm)
{
    int year, month, day;

    if (!when_number(text, 4, &year) || !when_take(text, "-") || !when_number(text, 2, &month) ||
        !when_take(text, "-") || !when_number(text, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > when_month_days(year, month))
        return false;
    tm->tm_year = year - 1900;
    tm->tm_mon = month - 1;
    tm->tm_mday = day;
    return true;
}

/* Takes any number of digits, and ignores those behind the third. */
static bool when_fraction(struct span *text, int *ms)
{
    int n = 0, digits = 0;

    for (; when_is_digit(*text); digits++) {
        int digit = 0;
        (void)when_number(text, 1, &digit);
        if (digits < 3)
            n = n * 10 + digit;
    }
    for (int i = digits; i < 3; i++)
        n *= 10;
    *ms = n;
    return digits > 0;
}

/* Takes a time of day. 24:00 is the end of the day. A leap second is refused: no clock here shows
 * one. */
static bool when_time_of_day(struct span *text, struct tm *tm, int *ms)
{
    if (!when_number(text, 2, &tm->tm_hour) || !when_take(text, ":") ||
        !when_number(text, 2, &tm->tm_min))
        return false;
    if (when_take(text, ":")) {
        if (!when_number(text, 2, &tm->tm_sec))
            return false;
        if (when_take(text, ".,") && !when_fraction(text, ms))
            return false;
    }
    if (tm->tm_hour == 24)
        return tm->tm_min == 0 && tm->tm_sec == 0 && *ms == 0;
    return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 60;
}

/* Takes Z, +01:00, +0100 or +01. */
static bool when_offset(struct span *text, int64_t *offset_ms)
{
    int hours, minutes = 0;
    bool west = text->len > 0 && *text->at == '-';

    if (when_take(text, "Zz")) {
        *offset_ms = 0;
        return true;
    }
    if (!when_take(text, "+-") || !when_number(text, 2, &hours))
        return false;
    if ((when_take(text, ":") || text->len > 0) && !when_number(text, 2, &minutes))
        return false;
    if (hours > 23 || minutes > 59)
        return false;
    *offset_ms = (int64_t)(hours * 60 + minutes) * MINUTE_MS * (west ? -1 : 1);
    return true;
}

static bool when_iso(struct span text, when_zone_fn zone, int64_t *wall_ms)
{
    struct tm tm = {0};
    int64_t offset_ms;
    int ms = 0;

    if (!when_date(&text, &tm))
        return false;
    if (text.len > 0 && (!when_take(&text, "Tt ") || !when_time_of_day(&text, &tm, &ms)))
        return false;
    int64_t local_ms = (int64_t)timegm(&tm) * 1000 + ms;
    if (text.len == 0) {
        if (zone)
            *wall_ms = zone(local_ms);
        return zone != NULL;
    }
    if (!when_offset(&text, &offset_ms))
        return false;
    *wall_ms = local_ms - offset_ms;
    return text.len == 0;
}

/* ---- Ages ---- */

/* The length of a unit; 0: no such unit. */
static int64_t when_unit_ms(char unit)
{
    const int64_t hour_ms = INT64_C(60) * MINUTE_MS;

    switch (unit) {
    case 's':
        return 1000;
    case 'm':
        return MINUTE_MS;
    case 'h':
        return hour_ms;
    case 'd':
        return hour_ms * 24;
    case 'w':
        return hour_ms * 24 * 7;
    default:
        return 0;
    }
}

static bool when_age(struct span text, int64_t now_ms, int64_t *wall_ms)
{
    int64_t age_ms = 0;
    int digit = 0;

    for (; when_number(&text, 1, &digit); age_ms = age_ms * 10 + digit)
        if (age_ms > CLOCK_ISO_END_MS)
            return false;
    int64_t unit_ms = text.len == 1 ? when_unit_ms(*text.at) : 0;
    if (unit_ms == 0 || __builtin_mul_overflow(age_ms, unit_ms, &age_ms))
        return false;
    return !__builtin_sub_overflow(now_ms, age_ms, wall_ms);
}

bool when_parse(struct span text, int64_t now_ms, when_zone_fn zone, int64_t *wall_ms)
{
    int64_t found_ms = 0;
    bool is_time = when_is_digit(text) &&
                   (when_iso(text, zone, &found_ms) || when_age(text, now_ms, &found_ms));

    if (!is_time || found_ms < 0 || found_ms >= CLOCK_ISO_END_MS)
        return false;
    *wall_ms = found_ms;
    return true;
}

/* ---- The zone of this process ---- */

int64_t when_local(int64_t local_ms)
{
    int64_t ms = (local_ms % 1000 + 1000) % 1000;
    time_t shown = (time_t)((local_ms - ms) / 1000);
    struct tm tm = {0};

    (void)gmtime_r(&shown, &tm);
    tm.tm_isdst = -1; /* the text does not say whether it is summer time */
    return (int64_t)mktime(&tm) * 1000 + ms;
}
