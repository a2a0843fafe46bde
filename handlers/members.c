/* SPDX-License-Identifier: MIT */
/* The members of an object as JavaScript sees them. */
#include "handlers/members.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

int members_next_unit(const char **at, int *half)
{
    if (*half) {
        int unit = *half;
        *half = 0;
        return unit;
    }
    const uint8_t *byte = (const uint8_t *)*at;
    if (byte[0] < 0x80) {
        *at += 1;
        return byte[0];
    }
    if (byte[0] < 0xE0) {
        *at += 2;
        return (byte[0] & 0x1F) << 6 | (byte[1] & 0x3F);
    }
    if (byte[0] < 0xF0) {
        *at += 3;
        return (byte[0] & 0x0F) << 12 | (byte[1] & 0x3F) << 6 | (byte[2] & 0x3F);
    }
    *at += 4;
    int code =
        (byte[0] & 0x07) << 18 | (byte[1] & 0x3F) << 12 | (byte[2] & 0x3F) << 6 | (byte[3] & 0x3F);
    *half = 0xDC00 + ((code - 0x10000) & 0x3FF);
    return 0xD800 + ((code - 0x10000) >> 10);
}

/* How many bytes are the same in front, in whole characters: a thousand long names that begin alike
 * are compared ten thousand times. */
static size_t members_alike(struct span a, struct span b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    size_t same = 0;

    while (same + sizeof(uint64_t) <= len &&
           memcmp(a.at + same, b.at + same, sizeof(uint64_t)) == 0)
        same += sizeof(uint64_t);
    while (same < len && a.at[same] == b.at[same])
        same++;
    return same < len ? utf8_whole(a.at, same) : same;
}

static int members_compare_names(struct span a, struct span b)
{
    size_t alike = members_alike(a, b);
    const char *a_at = a.at + alike, *a_end = a.at + a.len;
    const char *b_at = b.at + alike, *b_end = b.at + b.len;
    int a_half = 0, b_half = 0;

    while ((a_at < a_end || a_half) && (b_at < b_end || b_half)) {
        int a_unit = members_next_unit(&a_at, &a_half);
        int b_unit = members_next_unit(&b_at, &b_half);
        if (a_unit != b_unit)
            return a_unit < b_unit ? -1 : 1;
    }
    return (a_at < a_end || a_half) - (b_at < b_end || b_half);
}

static int members_compare(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order = members_compare_names(x->name, y->name);

    if (order)
        return order;
    return (x->key.at > y->key.at) - (x->key.at < y->key.at); /* repeated ones as in the text */
}

static void members_keep_last(struct members *members)
{
    size_t kept = 0;

    for (size_t i = 0; i < members->len; i++) {
        if (i + 1 < members->len && span_eq(members->at[i].name, members->at[i + 1].name))
            continue;
        members->at[kept++] = members->at[i];
    }
    members->len = kept;
}

static int members_grow(struct members *members, size_t *cap)
{
    size_t more = *cap ? *cap * 2 : 8;
    struct member *at = realloc(members->at, more * sizeof(*at));

    if (!at)
        return error_origin(-ENOMEM);
    members->at = at;
    *cap = more;
    return 0;
}

static int members_collect(struct span object, struct members *members)
{
    struct json_walk walk = json_walk(object);
    struct member member = {0};
    size_t cap = 0;

    while (json_next(&walk, &member.key, &member.value)) {
        if (members->len == MEMBERS_MAX)
            return MEMBERS_TOO_MANY;
        size_t from = members->names.len;
        int r = members->len == cap ? members_grow(members, &cap) : 0;
        if (r)
            return r;
        r = json_decode(member.key, &members->names);
        if (r)
            return r;
        member.name = (struct span){NULL, members->names.len - from}; /* placed once all are in */
        members->at[members->len++] = member;
    }
    const char *name = members->names.at;
    for (size_t i = 0; i < members->len; i++) {
        members->at[i].name.at = name;
        name += members->at[i].name.len;
    }
    return 0;
}

int members_read(struct span object, struct members *out)
{
    struct members members = {0};
    int r = members_collect(object, &members);
    if (r) {
        members_done(&members);
        return r;
    }
    if (members.len > 1)
        qsort(members.at, members.len, sizeof(*members.at), members_compare);
    members_keep_last(&members);
    *out = members;
    return 0;
}

void members_done(struct members *members)
{
    free(members->at);
    buf_done(&members->names);
    *members = (struct members){0};
}
