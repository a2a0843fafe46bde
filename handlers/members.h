/* SPDX-License-Identifier: MIT */
/* The members of an object as JavaScript sees them: of a repeated one the last counts. */
#pragma once

#include "base/buf.h"

enum {
    MEMBERS_MAX = 1024, /* fields of an object that Convex takes (crates/value) */
    MEMBERS_TOO_MANY = 1,
};

struct member {
    struct span key;   /* as written */
    struct span value; /* as written */
    struct span name;  /* the key decoded, WTF-8, in members.names */
};

struct members {
    struct member *at; /* sorted by name, by UTF-16 code units, as JavaScript compares strings */
    size_t len;
    struct buf names;
};

/* object has passed the scanner. 0, MEMBERS_TOO_MANY, or -ENOMEM. */
int members_read(struct span object, struct members *members);
void members_done(struct members *members);

/* The string's next UTF-16 code unit. *half carries the second half of a pair: 0 at first. */
int members_next_unit(const char **at, int *half);
