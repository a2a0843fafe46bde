/* SPDX-License-Identifier: MIT */
/* A run of bytes that the span does not own. at == NULL: there is no such run. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
    const char *at;
    size_t len;
};

#define SPAN_NULL ((struct span){NULL, 0})
#define SPAN(literal) ((struct span){"" literal, sizeof(literal) - 1})

static inline struct span span_of(const char *string)
{
    return (struct span){string, string ? strlen(string) : 0};
}

static inline bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Whether both are equal or both are SPAN_NULL, which is not the same as empty. */
static inline bool span_same(struct span a, struct span b)
{
    return a.at && b.at ? span_eq(a, b) : !a.at && !b.at;
}

static inline bool span_starts(struct span s, struct span prefix)
{
    return s.len >= prefix.len && memcmp(s.at, prefix.at, prefix.len) == 0;
}

/* Without the blanks at both ends, as JSON and HTTP define blanks. */
static inline struct span span_trim(struct span s)
{
    while (s.len > 0 && memchr(" \t\r\n", s.at[s.len - 1], 4))
        s.len--;
    while (s.len > 0 && memchr(" \t\r\n", *s.at, 4))
        s = (struct span){s.at + 1, s.len - 1};
    return s;
}
