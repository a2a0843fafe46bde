/* SPDX-License-Identifier: MIT */
/*
 * A strict JSON scanner: a state machine that takes one byte at a time and can stop anywhere.
 *
 * The scanner neither recurses nor allocates: one bit for each level says whether that level is an
 * object. Since a large body is scanned as it arrives, the cost is spread over many turns of the
 * loop.
 *
 * Stricter than the grammar of RFC 8259: UTF-8 must be valid, numbers must fit a double, and depth
 * is bounded. Looser: a byte order mark is skipped, as every JavaScript server does. Unpaired
 * surrogates that are written as \ud800 pass, since the grammar allows them.
 */
#include "base/json_scan.h"

#include <ctype.h>

#include "base/json.h"
#include "base/json_number.h"

/* The order counts: json_scan() compares states to tell those between the tokens, in a byte order
 * mark or a literal, in a string, and in a number apart. */
enum json_state {
    JSON_START,
    JSON_VALUE,
    JSON_VALUE_OR_END, /* after [ */
    JSON_KEY,
    JSON_KEY_OR_END, /* after { */
    JSON_COLON,
    JSON_AFTER, /* a value has ended */
    JSON_BOM_2,
    JSON_BOM_3,
    JSON_LITERAL,
    JSON_STRING,
    JSON_STRING_ESCAPE,
    JSON_STRING_HEX,
    JSON_STRING_UTF8,
    JSON_NUMBER_MINUS,
    JSON_NUMBER_ZERO,
    JSON_NUMBER_INT,
    JSON_NUMBER_DOT,
    JSON_NUMBER_FRACTION,
    JSON_NUMBER_E,
    JSON_NUMBER_E_SIGN,
    JSON_NUMBER_EXPONENT,
};

void json_scanner_init(struct json_scanner *s,
                       void (*member)(void *ctx, const struct json_member *member), void *ctx)
{
    s->member = member;
    s->odd_key = NULL;
    s->inner = NULL;
    s->inner_name = SPAN_NULL;
    s->element = NULL;
    s->ctx = ctx;
    s->pos = 0;
    s->error = JSON_FINE;
    s->state = JSON_START;
    s->depth = 0;
    s->outermost = '\0';
    s->in_key = false;
    s->odd_key_at_hand = s->null_members = false;
    s->inner_at_hand = false;
    s->key = s->key_end = s->value = s->inner_value = s->token = 0;
    /* The bits of the stack are written before they are read. */
}

static bool json_in_object(const struct json_scanner *s)
{
    int top = s->depth - 1;

    return s->stack[top / 64] >> (top % 64) & 1;
}

static enum json_error json_open(struct json_scanner *s, bool object)
{
    if (s->depth == JSON_DEPTH_MAX)
        return JSON_TOO_DEEP;
    uint64_t bit = UINT64_C(1) << (s->depth % 64);
    uint64_t *word = &s->stack[s->depth / 64];
    if (s->depth % 64 == 0)
        *word = 0;
    *word = object ? *word | bit : *word & ~bit;
    s->depth++;
    s->state = object ? JSON_KEY_OR_END : JSON_VALUE_OR_END;
    return JSON_FINE;
}

/* A value ends before end. Calls inner and member, where that value is one for them. */
static void json_value_done(struct json_scanner *s, struct span text, size_t end)
{
    s->state = JSON_AFTER;
    if (s->depth == 2 && s->inner_at_hand) {
        s->inner_at_hand = false;
        s->inner(s->ctx, (struct span){text.at + s->inner_value, end - s->inner_value});
    }
    if (s->depth == 2 && s->element && s->outermost == '{' && !json_in_object(s))
        s->element(s->ctx, (struct span){text.at + s->inner_value, end - s->inner_value});
    if (s->depth != 1 || !json_in_object(s) || !s->member)
        return;
    s->member(s->ctx, &(struct json_member){
                          .key = {text.at + s->key, s->key_end - s->key},
                          .value = {text.at + s->value, end - s->value},
                          .null_members = s->null_members,
                      });
}

static enum json_error json_begin_value(struct json_scanner *s, char c)
{
    if (s->depth == 1) {
        s->value = s->pos;
        s->null_members = false;
    }
    if (s->depth == 2) {
        s->inner_value = s->pos;
        s->null_members |= c == 'n' && json_in_object(s);
    }
    if (s->depth == 0)
        s->outermost = c;
    s->token = s->pos;
    switch (c) {
    case '{':
    case '[':
        return json_open(s, c == '{');
    case '"':
        s->in_key = false;
        s->state = JSON_STRING;
        return JSON_FINE;
    case '-':
        s->state = JSON_NUMBER_MINUS;
        return JSON_FINE;
    case '0':
        s->state = JSON_NUMBER_ZERO;
        return JSON_FINE;
    case 't':
    case 'f':
    case 'n':
        s->literal = c == 't' ? "rue" : c == 'f' ? "alse" : "ull";
        s->state = JSON_LITERAL;
        return JSON_FINE;
    default:
        if (c < '1' || c > '9')
            return JSON_SYNTAX;
        s->state = JSON_NUMBER_INT;
        return JSON_FINE;
    }
}

static void json_begin_key(struct json_scanner *s)
{
    if (s->depth == 1)
        s->key = s->pos;
    s->token = s->pos;
    s->in_key = true;
    s->odd_key_at_hand = false;
    s->state = JSON_STRING;
}

static bool json_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* ---- strings ---- */

/* Whether a string may hold the byte without a closer look: no quote, no \, no control, no DEL, and
 * ASCII. */
static bool json_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

/* Whether eight bytes are all plain. A byte that is not sets its top bit by a borrow or a carry. */
static bool json_plain_8(const char *at)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t c;

    memcpy(&c, at, sizeof(c));
    uint64_t odd = (c - each * 0x20) | (c + each) | /* controls; DEL and beyond */
                   ((c ^ each * '"') - each) | ((c ^ each * '\\') - each);
    return !(odd & each * 0x80);
}

static void json_string_done(struct json_scanner *s, struct span text)
{
    size_t end = s->pos + 1;

    if (!s->in_key) {
        json_value_done(s, text, end);
        return;
    }
    s->state = JSON_COLON;
    if (s->depth == 1) {
        s->key_end = end;
        return;
    }
    if (s->depth == 2 && s->inner && s->outermost == '{')
        s->inner_at_hand =
            json_string_is((struct span){text.at + s->token, end - s->token}, s->inner_name);
    struct span key = {text.at + s->token + 1, end - s->token - 2};
    if (!s->odd_key_at_hand && key.len <= JSON_KEY_PLAIN_MAX && !span_starts(key, SPAN("$")) &&
        !span_eq(key, SPAN("__proto__")))
        return;
    if (s->odd_key)
        s->odd_key(s->ctx, (struct span){key.at - 1, key.len + 2});
}

static enum json_error json_in_string(struct json_scanner *s, struct span text)
{
    while (text.len - s->pos >= 8 && json_plain_8(text.at + s->pos))
        s->pos += 8;
    while (s->pos < text.len && json_plain((uint8_t)text.at[s->pos]))
        s->pos++;
    if (s->pos == text.len)
        return JSON_FINE;

    uint8_t c = (uint8_t)text.at[s->pos];
    if (c == '"') {
        json_string_done(s, text);
    } else if (c < 0x20) {
        return JSON_SYNTAX;
    } else {
        s->odd_key_at_hand = true;
        if (c == '\\')
            s->state = JSON_STRING_ESCAPE;
        else if (c >= 0x80 && !utf8_begin(c, &s->utf8))
            return JSON_UTF8;
        else if (c >= 0x80)
            s->state = JSON_STRING_UTF8;
    }
    s->pos++;
    return JSON_FINE;
}

/* The states inside a string other than JSON_STRING. */
static enum json_error json_in_string_part(struct json_scanner *s, char c)
{
    switch (s->state) {
    case JSON_STRING_ESCAPE:
        if (c == 'u') {
            s->hex_left = 4;
            s->state = JSON_STRING_HEX;
        } else if (c != '\0' && strchr("\"\\/bfnrt", c)) {
            s->state = JSON_STRING;
        } else {
            return JSON_SYNTAX;
        }
        return JSON_FINE;
    case JSON_STRING_HEX:
        if (!isxdigit((unsigned char)c))
            return JSON_SYNTAX;
        if (--s->hex_left == 0)
            s->state = JSON_STRING;
        return JSON_FINE;
    default:
        if (!utf8_continue((uint8_t)c, &s->utf8))
            return JSON_UTF8;
        if (s->utf8.left == 0)
            s->state = JSON_STRING;
        return JSON_FINE;
    }
}

/* ---- numbers ---- */

static bool json_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The state after byte c of a number. JSON_AFTER: the number has ended before c. JSON_START: c
 * cannot stand there. */
static enum json_state json_number_next(int state, char c)
{
    bool digit = json_digit(c);
    bool e = c == 'e' || c == 'E';

    switch (state) {
    case JSON_NUMBER_MINUS:
        return c == '0' ? JSON_NUMBER_ZERO : digit ? JSON_NUMBER_INT : JSON_START;
    case JSON_NUMBER_ZERO:
        return c == '.' ? JSON_NUMBER_DOT : e ? JSON_NUMBER_E : JSON_AFTER;
    case JSON_NUMBER_INT:
        return digit      ? JSON_NUMBER_INT
               : c == '.' ? JSON_NUMBER_DOT
               : e        ? JSON_NUMBER_E
                          : JSON_AFTER;
    case JSON_NUMBER_DOT:
        return digit ? JSON_NUMBER_FRACTION : JSON_START;
    case JSON_NUMBER_FRACTION:
        return digit ? JSON_NUMBER_FRACTION : e ? JSON_NUMBER_E : JSON_AFTER;
    case JSON_NUMBER_E:
        if (c == '+' || c == '-')
            return JSON_NUMBER_E_SIGN;
        return digit ? JSON_NUMBER_EXPONENT : JSON_START;
    case JSON_NUMBER_E_SIGN:
        return digit ? JSON_NUMBER_EXPONENT : JSON_START;
    default:
        return digit ? JSON_NUMBER_EXPONENT : JSON_AFTER;
    }
}

static enum json_error json_in_number(struct json_scanner *s, struct span text)
{
    enum { SURELY_FITS = 300 }; /* characters of a number without an exponent */

    for (; s->pos < text.len; s->pos++) {
        enum json_state next = json_number_next(s->state, text.at[s->pos]);
        if (next == JSON_START)
            return JSON_SYNTAX;
        if (next == JSON_AFTER)
            break;
        s->state = (int)next;
    }
    if (s->pos == text.len)
        return JSON_FINE;

    struct span number = {text.at + s->token, s->pos - s->token};
    if ((s->state == JSON_NUMBER_EXPONENT || number.len > SURELY_FITS) && !json_number_fits(number))
        return JSON_TOO_LARGE;
    json_value_done(s, text, s->pos);
    return JSON_FINE;
}

/* ---- between the tokens ---- */

static enum json_error json_close(struct json_scanner *s, struct span text, bool object)
{
    if (s->depth == 0 || json_in_object(s) != object)
        return JSON_SYNTAX;
    s->depth--;
    if (s->depth == 0)
        s->state = JSON_AFTER;
    else
        json_value_done(s, text, s->pos + 1);
    return JSON_FINE;
}

static enum json_error json_after(struct json_scanner *s, struct span text, char c)
{
    if (c == '}' || c == ']')
        return json_close(s, text, c == '}');
    if (c != ',' || s->depth == 0)
        return JSON_SYNTAX;
    s->state = json_in_object(s) ? JSON_KEY : JSON_VALUE;
    return JSON_FINE;
}

/* Takes a byte of a byte order mark or of a literal, where only one byte can come next. */
static enum json_error json_in_word(struct json_scanner *s, struct span text, char c)
{
    switch (s->state) {
    case JSON_BOM_2:
        s->state = JSON_BOM_3;
        return c == '\xBB' ? JSON_FINE : JSON_SYNTAX;
    case JSON_BOM_3:
        s->state = JSON_VALUE;
        return c == '\xBF' ? JSON_FINE : JSON_SYNTAX;
    default:
        if (c != *s->literal)
            return JSON_SYNTAX;
        if (*++s->literal == '\0')
            json_value_done(s, text, s->pos + 1);
        return JSON_FINE;
    }
}

/* Takes a byte that stands before a token or begins one. */
static enum json_error json_between(struct json_scanner *s, struct span text, char c)
{
    if (json_blank(c)) {
        if (s->state == JSON_START)
            s->state = JSON_VALUE; /* a byte order mark is only allowed as the first thing */
        return JSON_FINE;
    }
    switch (s->state) {
    case JSON_START:
        if (c == '\xEF') {
            s->state = JSON_BOM_2;
            return JSON_FINE;
        }
        return json_begin_value(s, c);
    case JSON_VALUE_OR_END:
        return c == ']' ? json_close(s, text, false) : json_begin_value(s, c);
    case JSON_VALUE:
        return json_begin_value(s, c);
    case JSON_KEY_OR_END:
        if (c == '}')
            return json_close(s, text, true);
        __attribute__((__fallthrough__));
    case JSON_KEY:
        if (c != '"')
            return JSON_SYNTAX;
        json_begin_key(s);
        return JSON_FINE;
    case JSON_COLON:
        s->state = JSON_VALUE;
        return c == ':' ? JSON_FINE : JSON_SYNTAX;
    default:
        return json_after(s, text, c);
    }
}

enum json_error json_scan(struct json_scanner *s, struct span text)
{
    while (s->error == JSON_FINE && s->pos < text.len) {
        if (s->state == JSON_STRING) {
            s->error = json_in_string(s, text);
        } else if (s->state >= JSON_NUMBER_MINUS) {
            s->error = json_in_number(s, text);
        } else {
            char c = text.at[s->pos];
            s->error = s->state >= JSON_STRING_ESCAPE ? json_in_string_part(s, c)
                       : s->state >= JSON_BOM_2       ? json_in_word(s, text, c)
                                                      : json_between(s, text, c);
            s->pos += s->error == JSON_FINE;
        }
    }
    return s->error;
}

enum json_error json_scan_end(struct json_scanner *s, struct span text)
{
    if (s->error != JSON_FINE)
        return s->error;
    if (s->state >= JSON_NUMBER_MINUS && s->depth == 0) {
        /* A number that is the whole text has not ended yet: try what a blank would do. */
        if (json_number_next(s->state, ' ') != JSON_AFTER)
            s->error = JSON_INCOMPLETE;
        else if (!json_number_fits((struct span){text.at + s->token, s->pos - s->token}))
            s->error = JSON_TOO_LARGE;
        else
            s->state = JSON_AFTER;
    } else if (s->depth != 0 || s->state != JSON_AFTER) {
        s->error = JSON_INCOMPLETE;
    }
    return s->error;
}

bool json_scanner_is_object(const struct json_scanner *s)
{
    return s->depth == 0 && s->outermost == '{';
}

bool json_scanner_open_string(const struct json_scanner *s, struct span text,
                              struct json_member *member)
{
    if (s->error != JSON_FINE || s->depth != 1 || !json_in_object(s) || s->in_key ||
        s->state < JSON_STRING || s->state > JSON_STRING_UTF8)
        return false;
    *member = (struct json_member){
        .key = {text.at + s->key, s->key_end - s->key},
        .value = {text.at + s->value, s->pos - s->value},
    };
    return true;
}

bool json_scanner_open_array(const struct json_scanner *s, struct span text, struct span *key)
{
    if (s->depth < 2 || (s->stack[0] & 3) != 1) /* an object, and in it an array */
        return false;
    *key = (struct span){text.at + s->key, s->key_end - s->key};
    return true;
}

enum json_error json_check(struct span text)
{
    struct json_scanner scanner;

    json_scanner_init(&scanner, NULL, NULL);
    (void)json_scan(&scanner, text);
    return json_scan_end(&scanner, text);
}
