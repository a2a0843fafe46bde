/* SPDX-License-Identifier: MIT */
/* The members of an object, each name once: of a repeated one the last counts, as in JavaScript. */
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
    struct member *at; /* sorted by the bytes of the names */
    size_t len;
    struct buf names;
};

/*
 * object has passed the scanner, and outlives *members, which the caller frees with members_done().
 * 0, MEMBERS_TOO_MANY, or -ENOMEM; *members is untouched on failure.
 */
int members_read(struct span object, struct members *members);
void members_done(struct members *members);
