/* SPDX-License-Identifier: MIT */
/* The path that a request target means. */
#include "handlers/target.h"

#include <ctype.h>
#include <strings.h>

static int target_hex(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Whether %XX stands at the start of s. */
static bool target_encoded(struct span s)
{
    return s.len >= 3 && s.at[0] == '%' && isxdigit((unsigned char)s.at[1]) &&
           isxdigit((unsigned char)s.at[2]);
}

/* The length of a dot at the start of s, plain or encoded; 0: none. */
static size_t target_dot(struct span s)
{
    if (s.len >= 1 && s.at[0] == '.')
        return 1;
    return s.len >= 3 && strncasecmp(s.at, "%2e", 3) == 0 ? 3 : 0;
}

/* How many dots the segment consists of; 0 also when of anything else. */
static int target_dots(struct span segment)
{
    int dots = 0;

    while (segment.len > 0) {
        size_t dot = target_dot(segment);
        if (dot == 0)
            return 0;
        segment = (struct span){segment.at + dot, segment.len - dot};
        dots++;
    }
    return dots;
}

/* decodeURI keeps what is reserved in a URI, and # encoded. */
static int target_decode(struct span segment, struct buf *path)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < segment.len; i++) {
        struct span rest = {segment.at + i, segment.len - i};
        char c = segment.at[i];
        if (target_encoded(rest)) {
            char decoded = (char)(target_hex(rest.at[1]) << 4 | target_hex(rest.at[2]));
            if (decoded > ' ' && decoded < 0x7F && !strchr(";/?:@&=+$,#%", decoded)) {
                c = decoded;
                i += 2;
            }
        }
        r = buf_append_char(path, c);
    }
    return r;
}

static void target_drop_last_segment(struct buf *path, size_t from)
{
    while (path->len > from && path->at[path->len - 1] != '/')
        path->len--;
    if (path->len > from)
        path->len--;
}

/* http://host/path: the path; anything else as it is. */
static struct span target_strip_origin(struct span target)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < array_len(schemes); i++) {
        struct span scheme = span_of(schemes[i]);
        if (!span_starts(target, scheme))
            continue;
        const char *slash = memchr(target.at + scheme.len, '/', target.len - scheme.len);
        if (!slash)
            return SPAN("/");
        return (struct span){slash, target.len - (size_t)(slash - target.at)};
    }
    return target;
}

int target_path(struct span target, struct buf *path)
{
    size_t from = path->len;
    size_t len = 0;

    /* First of all: a slash in a query is not the one that begins the path. */
    while (len < target.len && target.at[len] != '?' && target.at[len] != '#')
        len++;
    target.len = len;
    target = target_strip_origin(target);
    if (target.len == 0 || target.at[0] != '/')
        return buf_append_span(path, target); /* such as OPTIONS *: matches nothing */

    while (target.len > 0) {
        /* target begins with a slash; the segment ends before the next one */
        const char *next = memchr(target.at + 1, '/', target.len - 1);
        size_t segment_len = next ? (size_t)(next - target.at) - 1 : target.len - 1;
        struct span segment = {target.at + 1, segment_len};
        target = (struct span){segment.at + segment_len, target.len - 1 - segment_len};

        int dots = target_dots(segment);
        if (dots == 2)
            target_drop_last_segment(path, from);
        int r = 0;
        if (dots != 1 && dots != 2) {
            r = buf_append_char(path, '/');
            if (r == 0)
                r = target_decode(segment, path);
        } else if (target.len == 0) {
            r = buf_append_char(path, '/');
        }
        if (r)
            return r;
    }
    return 0;
}
