/* SPDX-License-Identifier: MIT */
/*
 * ConvexHttpClient lets JSON.parse's SyntaxError out, so its text reaches the sender. Source:
 * V8 11.3 src/json/json-parser.cc, ReportUnexpectedToken and its callers. Other versions word it
 * differently: Node 18 says "Unexpected token < in JSON at position 0", 22 adds line and column.
 *
 * Not reproduced: what it says of a backslash before a character beyond U+00FF.
 *
 * Positions, and the ten units around a bad token, count UTF-16 units, as JavaScript does.
 */
#include "convex/parse_message.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PARSE_CONTEXT = 10,
    PARSE_DEPTH_MAX = 512, /* Convex's values nest to 64 */
};

struct parse {
    const char *start;
    const char *at;
    const char *end;
    int depth;
    bool too_deep;
    const char *what; /* of a fault; NULL: the token at at could not stand there */
};

/* ---- finding the fault: each step is false when at stands on it ---- */

static bool parse_value(struct parse *parse);

static bool parse_fault(struct parse *parse, const char *what)
{
    parse->what = what;
    return false;
}

static bool parse_is_any(const struct parse *parse, const char *set)
{
    return parse->at < parse->end && *parse->at && strchr(set, *parse->at);
}

static bool parse_is_digit(const struct parse *parse)
{
    return parse_is_any(parse, "0123456789");
}

static void parse_blanks(struct parse *parse)
{
    while (parse_is_any(parse, " \t\r\n"))
        parse->at++;
}

static bool parse_literal(struct parse *parse, const char *word)
{
    for (; *word; word++, parse->at++) {
        if (parse->at == parse->end || *parse->at != *word)
            return parse_fault(parse, NULL);
    }
    return true;
}

static bool parse_digits(struct parse *parse, const char *what)
{
    if (!parse_is_digit(parse))
        return parse_fault(parse, what);
    while (parse_is_digit(parse))
        parse->at++;
    return true;
}

static bool parse_number(struct parse *parse)
{
    if (parse_is_any(parse, "-"))
        parse->at++;
    if (parse_is_any(parse, "0")) {
        parse->at++;
        if (parse_is_digit(parse))
            return parse_fault(parse, NULL);
    } else if (!parse_digits(parse, "No number after minus sign in JSON")) {
        return false;
    }
    if (parse_is_any(parse, ".")) {
        parse->at++;
        if (!parse_digits(parse, "Unterminated fractional number in JSON"))
            return false;
    }
    if (parse_is_any(parse, "eE")) {
        parse->at++;
        if (parse_is_any(parse, "+-"))
            parse->at++;
        return parse_digits(parse, "Exponent part is missing a number in JSON");
    }
    return true;
}

static bool parse_escape(struct parse *parse)
{
    parse->at++;
    if (parse->at == parse->end)
        return parse_fault(parse, NULL);
    if (!parse_is_any(parse, "\"\\/bfnrtu"))
        return parse_fault(parse, "Bad escaped character in JSON");
    if (*parse->at++ != 'u')
        return true;
    for (int i = 0; i < 4; i++, parse->at++) {
        if (!parse_is_any(parse, "0123456789abcdefABCDEF"))
            return parse_fault(parse, "Bad Unicode escape in JSON");
    }
    return true;
}

static bool parse_string(struct parse *parse)
{
    parse->at++;
    while (!parse_is_any(parse, "\"")) {
        if (parse->at == parse->end)
            return parse_fault(parse, "Unterminated string in JSON");
        if ((uint8_t)*parse->at < 0x20)
            return parse_fault(parse, "Bad control character in string literal in JSON");
        if (*parse->at != '\\')
            parse->at++;
        else if (!parse_escape(parse))
            return false;
    }
    parse->at++;
    return true;
}

static bool parse_array(struct parse *parse)
{
    parse->at++;
    parse_blanks(parse);
    while (!parse_is_any(parse, "]")) {
        do {
            if (!parse_value(parse))
                return false;
        } while (parse_is_any(parse, ",") && parse->at++);
        if (!parse_is_any(parse, "]"))
            return parse_fault(parse, "Expected ',' or ']' after array element in JSON");
    }
    parse->at++;
    return true;
}

/* V8 words what the first member lacks unlike what the others lack. */
static bool parse_member(struct parse *parse, bool first)
{
    parse_blanks(parse);
    if (!parse_is_any(parse, "\""))
        return parse_fault(parse, first ? "Expected property name or '}' in JSON"
                                        : "Expected double-quoted property name in JSON");
    if (!parse_string(parse))
        return false;
    parse_blanks(parse);
    if (!parse_is_any(parse, ":"))
        return parse_fault(parse, first ? "Expected ':' after property name in JSON" : NULL);
    parse->at++;
    return parse_value(parse);
}

static bool parse_object(struct parse *parse)
{
    bool first = true;

    parse->at++;
    parse_blanks(parse);
    while (!parse_is_any(parse, "}")) {
        do {
            if (!parse_member(parse, first))
                return false;
            first = false;
        } while (parse_is_any(parse, ",") && parse->at++);
        if (!parse_is_any(parse, "}"))
            return parse_fault(parse, "Expected ',' or '}' after property value in JSON");
    }
    parse->at++;
    return true;
}

static bool parse_token(struct parse *parse)
{
    if (parse->at == parse->end)
        return parse_fault(parse, NULL);
    switch (*parse->at) {
    case '{':
        return parse_object(parse);
    case '[':
        return parse_array(parse);
    case '"':
        return parse_string(parse);
    case 't':
        return parse_literal(parse, "true");
    case 'f':
        return parse_literal(parse, "false");
    case 'n':
        return parse_literal(parse, "null");
    default:
        if (parse_is_any(parse, "-0123456789"))
            return parse_number(parse);
        return parse_fault(parse, NULL);
    }
}

/* A value and the blanks around it. */
static bool parse_value(struct parse *parse)
{
    bool fine;

    if (parse->depth == PARSE_DEPTH_MAX) {
        parse->too_deep = true;
        return false;
    }
    parse->depth++;
    parse_blanks(parse);
    fine = parse_token(parse);
    if (fine)
        parse_blanks(parse);
    parse->depth--;
    return fine;
}

/* ---- saying it ---- */

static size_t parse_char_len(const char *at)
{
    uint8_t c = (uint8_t)*at;

    return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

/* Beyond U+FFFF, which UTF-8 takes four bytes for, UTF-16 takes two units. */
static size_t parse_char_units(const char *at)
{
    return parse_char_len(at) == 4 ? 2 : 1;
}

static size_t parse_units(const char *at, const char *end)
{
    size_t units = 0;

    for (; at < end; at += parse_char_len(at))
        units += parse_char_units(at);
    return units;
}

/* Half of a pair, as WTF-8 writes a surrogate alone. */
static int parse_append_half(const char *at, bool low, struct buf *out)
{
    unsigned code = ((unsigned)at[0] & 0x07) << 18 | ((unsigned)at[1] & 0x3F) << 12 |
                    ((unsigned)at[2] & 0x3F) << 6 | ((unsigned)at[3] & 0x3F);
    unsigned half = low ? 0xDC00 | (code & 0x3FF) : 0xD800 | (code - 0x10000) >> 10;
    const char bytes[3] = {(char)0xED, (char)(0x80 | (half >> 6 & 0x3F)),
                           (char)(0x80 | (half & 0x3F))};

    return buf_append(out, bytes, sizeof(bytes));
}

/* Appends the text's UTF-16 units from..to. */
static int parse_append_units(const struct parse *parse, size_t from, size_t to, struct buf *out)
{
    size_t unit = 0;
    int r = 0;

    for (const char *at = parse->start; at < parse->end && unit < to && r == 0;) {
        size_t next = unit + parse_char_units(at);
        if (unit >= from && next <= to)
            r = buf_append(out, at, parse_char_len(at));
        else if (next > from)
            r = parse_append_half(at, unit < from, out);
        at += parse_char_len(at);
        unit = next;
    }
    return r;
}

/* `<before>"<the text around the token>"<after> is not valid JSON` */
static int parse_say_context(const struct parse *parse, size_t pos, struct buf *out)
{
    size_t len = parse_units(parse->start, parse->end);
    bool cut = len > (size_t)PARSE_CONTEXT * 2;
    bool cut_before = cut && pos >= PARSE_CONTEXT;
    bool cut_after = cut && (!cut_before || pos < len - PARSE_CONTEXT);
    size_t from = cut_before ? pos - PARSE_CONTEXT : 0;
    size_t to = cut_after ? pos + PARSE_CONTEXT : len;
    int r = buf_append_span(out, cut_before ? SPAN("...\"") : SPAN("\""));

    if (r == 0)
        r = parse_append_units(parse, from, to, out);
    if (r == 0)
        r = buf_append_span(out, cut_after ? SPAN("\"...") : SPAN("\""));
    return r ? r : buf_append_span(out, SPAN(" is not valid JSON"));
}

/* What JavaScript prints for a value that somebody forgot to serialize. */
static bool parse_is_special(const struct parse *parse)
{
    static const char *const texts[] = {"NaN", "Infinity", "undefined", "[object Object]"};
    struct span text = {parse->start, (size_t)(parse->end - parse->start)};

    for (size_t i = 0; i < array_len(texts); i++) {
        if (span_eq(text, span_of(texts[i])))
            return true;
    }
    return false;
}

static int parse_say(const struct parse *parse, struct buf *out)
{
    size_t pos = parse_units(parse->start, parse->at);

    if (parse->what)
        return buf_printf(out, "%s at position %zu", parse->what, pos);
    if (parse->at == parse->end)
        return buf_append_span(out, SPAN("Unexpected end of JSON input"));
    if (parse_is_any(parse, "-0123456789"))
        return buf_printf(out, "Unexpected number in JSON at position %zu", pos);
    if (*parse->at == '"')
        return buf_printf(out, "Unexpected string in JSON at position %zu", pos);
    if (parse_is_special(parse))
        return buf_printf(out, "\"%.*s\" is not valid JSON", (int)(parse->end - parse->start),
                          parse->start);

    int r = buf_append_span(out, SPAN("Unexpected token '"));
    if (r == 0)
        r = parse_append_units(parse, pos, pos + 1, out);
    if (r == 0)
        r = buf_append_span(out, SPAN("', "));
    return r ? r : parse_say_context(parse, pos, out);
}

int parse_message(struct span text, struct buf *message)
{
    struct parse parse = {.start = text.at, .at = text.at, .end = text.at + text.len};
    bool fine = parse_value(&parse);

    if (parse.too_deep || (fine && parse.at == parse.end))
        return PARSE_MESSAGE_NONE;
    if (fine)
        parse.what = "Unexpected non-whitespace character after JSON";
    return parse_say(&parse, message);
}
