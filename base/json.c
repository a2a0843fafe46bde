/* SPDX-License-Identifier: MIT */
/* JSON text that has passed the scanner: walking over values, decoding and writing strings. */
#include "base/json.h"

#include <stdio.h>

#include "base/json_skip.h"
#include "base/utf8.h"

/* ---- walking ---- */

struct span json_value_at(const char *begin, const char *end)
{
    return (struct span){begin, (size_t)(json_skip_value(begin, end) - begin)};
}

struct json_walk json_walk(struct span value)
{
    if (value.len < 2 || (*value.at != '{' && *value.at != '['))
        return (struct json_walk){0};
    return (struct json_walk){
        .at = value.at + 1,
        .end = value.at + value.len - 1,
        .object = *value.at == '{',
    };
}

bool json_next(struct json_walk *walk, struct span *key, struct span *value)
{
    const char *at = json_skip_blanks(walk->at, walk->end);

    if (at < walk->end && *at == ',')
        at = json_skip_blanks(at + 1, walk->end);
    if (at == walk->end)
        return false;
    if (walk->object) {
        const char *key_end = json_skip_string(at, walk->end);
        *key = (struct span){at, (size_t)(key_end - at)};
        at = json_skip_blanks(key_end, walk->end);
        at = json_skip_blanks(at + (at < walk->end), walk->end); /* the colon */
    }
    walk->at = json_skip_value(at, walk->end);
    *value = (struct span){at, (size_t)(walk->at - at)};
    return true;
}

struct span json_find(struct span object, struct span name)
{
    struct json_walk walk = json_walk(object);
    struct span key, value, found = SPAN_NULL;

    while (walk.object && json_next(&walk, &key, &value)) {
        if (json_string_is(key, name))
            found = value;
    }
    return found;
}

/* ---- decoding ---- */

static int json_hex4(const char *at)
{
    int n = 0;

    for (int i = 0; i < 4; i++) {
        char c = at[i];
        n = n * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return n;
}

/* Decodes the escape that begins at *at, and moves *at behind that escape. Returns the bytes. */
static size_t json_unescape(const char **at, const char *end, char out[4])
{
    static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
    char c = (*at)[1];

    if (c != 'u') {
        const char *name = strchr(names, c);
        out[0] = name ? values[name - names] : c;
        *at += 2;
        return 1;
    }
    int code = json_hex4(*at + 2);
    *at += 6;
    if (code >= 0xD800 && code < 0xDC00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
        int low = json_hex4(*at + 2);
        if (low >= 0xDC00 && low < 0xE000) {
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            *at += 6;
        }
    }
    return utf8_put(code, out);
}

bool json_string_is(struct span string, struct span name)
{
    if (string.len < 2 || *string.at != '"')
        return false;
    const char *at = string.at + 1;
    const char *end = string.at + string.len - 1;
    size_t len = (size_t)(end - at);

    /* Without decoding: tells most strings apart. */
    if (len < name.len || len > name.len * JSON_CODE_UNIT_BYTES_MAX ||
        (len > 0 && *at != *name.at && *at != '\\'))
        return false;
    if (!memchr(at, '\\', len))
        return span_eq((struct span){at, len}, name);
    while (at < end && name.len > 0) {
        char out[4] = {*at};
        len = 1;
        if (*at == '\\')
            len = json_unescape(&at, end, out);
        else
            at++;
        if (len > name.len || memcmp(out, name.at, len) != 0)
            return false;
        name = (struct span){name.at + len, name.len - len};
    }
    return at == end && name.len == 0;
}

int json_decode(struct span string, struct buf *out)
{
    const char *at = string.at + 1;
    const char *end = string.at + string.len - 1;
    int r = buf_reserve(out, string.len); /* a decoded string is never longer */

    while (r == 0 && at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        r = buf_append(out, at, (size_t)((escape ? escape : end) - at));
        at = escape ? escape : end;
        if (escape && r == 0) {
            char code[4];
            size_t len = json_unescape(&at, end, code);
            r = buf_append(out, code, len);
        }
    }
    return r;
}

int json_decode_some(struct span string, size_t wanted, struct buf *out)
{
    size_t len = 1;

    while (len < string.len - 1 && len < wanted * JSON_CODE_UNIT_BYTES_MAX)
        len += string.at[len] != '\\'      ? 1
               : string.at[len + 1] == 'u' ? JSON_CODE_UNIT_BYTES_MAX
                                           : 2;
    return json_decode((struct span){string.at, len + 1}, out);
}

/* ---- writing ---- */

/* Whether the next three bytes are a surrogate, which WTF-8 has and UTF-8 has not. */
static bool json_is_surrogate(const char *at, const char *end)
{
    return end - at >= 3 && (uint8_t)at[0] == 0xED && (uint8_t)at[1] >= 0xA0;
}

int json_quote(struct span wtf8, struct buf *out)
{
    static const char escaped[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
    const char *at = wtf8.at;
    const char *end = wtf8.at + wtf8.len;
    int r = buf_append_char(out, '"');

    while (r == 0 && at < end) {
        const char *plain = at;
        while (at < end && (uint8_t)*at >= 0x20 && *at != '"' && *at != '\\' &&
               !json_is_surrogate(at, end))
            at++;
        r = buf_append(out, plain, (size_t)(at - plain));
        if (r || at == end)
            break;
        const char *name = *at ? strchr(escaped, *at) : NULL;
        if (name) {
            r = buf_printf(out, "\\%c", names[name - escaped]);
            at++;
        } else if ((uint8_t)*at < 0x20) {
            r = buf_printf(out, "\\u%04x", (unsigned)*at);
            at++;
        } else {
            r = buf_printf(out, "\\u%04x", 0xD000u | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu));
            at += 3;
        }
    }
    return r ? r : buf_append_char(out, '"');
}

int json_clean_utf8(struct span bytes, struct buf *out)
{
    const char *at = bytes.at;
    const char *end = bytes.at + bytes.len;
    int r = buf_reserve(out, bytes.len);

    while (r == 0 && at < end) {
        const char *from = at++;
        struct utf8_rest rest = {0};
        bool valid = (uint8_t)*from < 0x80 || utf8_begin((uint8_t)*from, &rest);
        while (valid && rest.left > 0) {
            valid = at < end && utf8_continue((uint8_t)*at, &rest);
            at += valid;
        }
        r = valid ? buf_append(out, from, (size_t)(at - from)) : buf_append(out, "\xEF\xBF\xBD", 3);
    }
    return r;
}
