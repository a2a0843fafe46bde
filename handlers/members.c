/* SPDX-License-Identifier: MIT */
/* The members of an object, each name once. */
#include "handlers/members.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"

/* By the bytes of the names; members of one name in the order of the text. */
static int members_compare(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    size_t len = x->name.len < y->name.len ? x->name.len : y->name.len;
    int order = len > 0 ? memcmp(x->name.at, y->name.at, len) : 0;

    if (order == 0)
        order = (x->name.len > y->name.len) - (x->name.len < y->name.len);
    return order ? order : (x->key.at > y->key.at) - (x->key.at < y->key.at);
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
        /* The name's place is set below, since names moves while it grows. */
        member.name = (struct span){NULL, members->names.len - from};
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
