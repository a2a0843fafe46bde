/* SPDX-License-Identifier: MIT */
/* JavaScript's String(value) for a value from JSON. */
#include "base/js_string.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#include "base/json.h"
#include "base/utf8.h"

static int js_append(struct span s, size_t max, struct buf *out)
{
    size_t room = max - out->len;
    size_t len = s.len < room ? s.len : room;

    if (len < s.len)
        len = utf8_whole(s.at, len);
    int r = buf_append(out, s.at, len);
    return r ? r : len < s.len ? JS_STRING_CUT : 0;
}

/*
 * Writes the fewest digits that read back as the same double, as d.ddde[+-]x. Below a power of two
 * the doubles lie closer together than above it. There the nearest digits may read back as another
 * double, while the digits one up read back right.
 */
static void js_shortest(double number, char text[32])
{
    for (int digits = 1; digits <= 17; digits++) {
        (void)snprintf(text, 32, "%.*e", digits - 1, number);
        if (strtod(text, NULL) == number)
            return;
        char *exponent = strchr(text, 'e');
        assert(exponent); /* every finite number has one */
        if (exponent[-1] == '9')
            continue; /* one up would have fewer digits, which have been tried */
        ++exponent[-1];
        if (strtod(text, NULL) == number)
            return;
    }
}

/* ECMA-262 Number::toString, steps 5 to 12: n is the place of the point, k counts the digits. */
static int js_number(struct span json, size_t max, struct buf *out)
{
    cleanup(buf_done) struct buf written = BUF_NULL; /* strtod() needs a NUL behind the number */
    char shortest[32], digits[32], text[64];
    size_t k = 0;

    if (buf_append_span(&written, json) || !buf_string(&written))
        return -ENOMEM;
    double number = strtod(written.at, NULL);
    if (number == 0)
        return js_append(SPAN("0"), max, out);
    js_shortest(number < 0 ? -number : number, shortest);
    char *e = strchr(shortest, 'e');
    for (const char *at = shortest; at < e; at++) {
        if (*at != '.')
            digits[k++] = *at;
    }
    digits[k] = '\0';
    int n = (int)strtol(e + 1, NULL, 10) + 1;
    int k_int = (int)k;
    const char *minus = number < 0 ? "-" : "";

    if (k_int <= n && n <= 21)
        (void)snprintf(text, sizeof(text), "%s%s%.*s", minus, digits, n - k_int,
                       "00000000000000000000");
    else if (0 < n && n <= 21)
        (void)snprintf(text, sizeof(text), "%s%.*s.%s", minus, n, digits, digits + n);
    else if (-6 < n && n <= 0)
        (void)snprintf(text, sizeof(text), "%s0.%.*s%s", minus, -n, "00000", digits);
    else if (k == 1)
        (void)snprintf(text, sizeof(text), "%s%se%+d", minus, digits, n - 1);
    else
        (void)snprintf(text, sizeof(text), "%s%c.%se%+d", minus, digits[0], digits + 1, n - 1);
    return js_append(span_of(text), max, out);
}

static int js_scalar(struct span json, size_t max, struct buf *out)
{
    switch (*json.at) {
    case '"': {
        cleanup(buf_done) struct buf decoded = BUF_NULL;
        int r = json_decode(json, &decoded);
        return r ? r : js_append(buf_span(&decoded), max, out);
    }
    case '{': /* so, too, where a member toString would make JavaScript throw */
        return js_append(SPAN("[object Object]"), max, out);
    case 't':
    case 'f':
    case 'n':
        return js_append(json, max, out);
    default:
        return js_number(json, max, out);
    }
}

/* Array.prototype.join puts commas between the elements, also of inner arrays. So the result is the
 * leaves with the commas of the text between them, and nothing has to recurse. */
static int js_array(struct span json, size_t max, struct buf *out)
{
    const char *at = json.at, *end = json.at + json.len;
    int r = 0;

    while (r == 0 && at < end) {
        if (strchr("[] \t\n\r", *at)) {
            at++;
        } else if (*at == ',') {
            r = js_append(SPAN(","), max, out);
            at++;
        } else {
            struct span leaf = json_value_at(at, end);
            if (*leaf.at != 'n') /* join() makes null an empty string */
                r = js_scalar(leaf, max, out);
            at += leaf.len;
        }
    }
    return r;
}

int js_string(struct span json, size_t max, struct buf *out)
{
    return *json.at == '[' ? js_array(json, max, out) : js_scalar(json, max, out);
}
