/* SPDX-License-Identifier: MIT */
/*
 * The size of numbers in JSON.
 *
 * The place of a number's first digit decides whether a double can hold the number. Only where the
 * largest double has its first digit in the same place, the digits decide: strtod() reads 320
 * digits, since a whole number may have megabytes.
 */
#include "base/json_number.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

/* The exponent behind an e, cut off where no length of a number could make up for its size. */
static int64_t number_exponent(const char *at, const char *end)
{
    const int64_t far = INT64_C(1) << 40;
    bool minus = at < end && *at == '-';
    int64_t n = 0;

    if (at < end && (*at == '-' || *at == '+'))
        at++;
    for (; at < end && n < far; at++)
        n = n * 10 + (*at - '0');
    return minus ? -n : n;
}

bool json_number_fits(struct span number)
{
    enum { PLACE_OF_LARGEST = 309, DIGITS = 320 }; /* the largest double is 1.79e308 */
    const char *end = number.at + number.len;
    const char *at = number.at + (*number.at == '-');
    char digits[DIGITS + sizeof("0.e309")] = "0.";
    size_t digits_len = 2;
    int64_t place = 0; /* of the first digit other than 0: 1 for 5, 0 for 0.5, -1 for 0.05 */
    bool point = false;

    for (; at < end && *at != 'e' && *at != 'E'; at++) {
        bool leading = digits_len == 2 && *at == '0';
        if (*at == '.') {
            point = true;
            continue;
        }
        if (leading ? point : !point)
            place += leading ? -1 : 1;
        if (!leading && digits_len < 2 + DIGITS)
            digits[digits_len++] = *at;
    }
    if (digits_len == 2)
        return true; /* zero */
    if (at < end)
        place += number_exponent(at + 1, end);
    if (place != PLACE_OF_LARGEST)
        return place < PLACE_OF_LARGEST;
    memcpy(digits + digits_len, "e309", sizeof("e309"));
    return isfinite(strtod(digits, NULL));
}
