/* SPDX-License-Identifier: MIT */
/*
 * A strict JSON scanner (RFC 8259) that takes text as the bytes arrive, and builds nothing.
 *
 * cJSON cannot do this: cJSON accepts what is not JSON, cuts strings at \u0000, loses digits of
 * numbers, and makes a tree of forty times the text's size.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "base/utf8.h"

enum {
    JSON_DEPTH_MAX = 4096,     /* levels; deeper text is refused */
    JSON_KEY_PLAIN_MAX = 1024, /* bytes; a longer key is odd: Convex's limit for a field's name */
};

enum json_error {
    JSON_FINE = 0,
    JSON_INCOMPLETE, /* the text ends in the middle */
    JSON_SYNTAX,     /* a byte that cannot stand where it does */
    JSON_UTF8,       /* invalid UTF-8 */
    JSON_TOO_LARGE,  /* a number that no double holds */
    JSON_TOO_DEEP,
};

/* A member of the outermost object. */
struct json_member {
    struct span key;   /* with its quotes, escapes as written */
    struct span value; /* as written, no blanks around it */
    bool null_members; /* whether the value is an object with a member that is null */
};

struct json_scanner {
    /* Called for each member of the outermost object, in the order of the text; may be NULL. */
    void (*member)(void *ctx, const struct json_member *member);
    /*
     * Called for each odd key inside a member's value, at any depth, with the quotes and before the
     * member is told. Odd is a key that ConvexHttpClient may refuse: one that starts with $, is
     * long, is __proto__, or holds an escape or a byte outside 0x20..0x7e. NULL after the init; may
     * be set.
     */
    void (*odd_key)(void *ctx, struct span key);
    /* Called for each member named inner_name of an object that is itself the value of a member.
     * NULL after the init; may be set. */
    void (*inner)(void *ctx, struct span value);
    struct span inner_name;
    /* Called for each element of an array that is itself the value of a member. NULL after the
     * init; may be set. */
    void (*element)(void *ctx, struct span value);
    void *ctx;
    /* Bytes taken so far; after an error, the place of the error. */
    size_t pos;
    /* All that follows is private. */
    enum json_error error;
    int state;           /* an enum json_state */
    const char *literal; /* what is left of true, false, null */
    int hex_left;        /* digits of \uXXXX that are still to come */
    struct utf8_rest utf8;
    int depth;            /* levels that are open */
    char outermost;       /* the first byte of the text's value */
    bool in_key;          /* the string at hand is a key */
    bool odd_key_at_hand; /* the string at hand holds a byte that makes a key odd */
    bool null_members;    /* for struct json_member */
    bool inner_at_hand;   /* the inner member at hand has the name inner_name */
    size_t token;         /* where the string or number at hand begins: an offset in the text */
    size_t key, key_end, value;          /* of the outer member at hand: offsets in the text */
    size_t inner_value;                  /* of the inner member or element at hand: likewise */
    uint64_t stack[JSON_DEPTH_MAX / 64]; /* one bit for each level: 1 is an object, 0 an array */
};

/* Gets ready for a new text. */
void json_scanner_init(struct json_scanner *scanner,
                       void (*member)(void *ctx, const struct json_member *member), void *ctx);

/*
 * Goes on where the last call has stopped. text is all that has arrived so far, and may have moved
 * in memory since the last call. Spans that a callback gets point into text. Returns JSON_FINE, or
 * the first error, which stays.
 */
enum json_error json_scan(struct json_scanner *scanner, struct span text);

/* To be called at the end of the text. JSON_FINE: the text is one whole JSON value. */
enum json_error json_scan_end(struct json_scanner *scanner, struct span text);

/* Whether a whole text is an object. */
bool json_scanner_is_object(const struct json_scanner *scanner);

/* Whether the text so far ends within a string that is the value of a member of the outermost
 * object. Then *member has the key, and of the string what has arrived. */
bool json_scanner_open_string(const struct json_scanner *scanner, struct span text,
                              struct json_member *member);

/* Whether the text so far ends, or has its error, within an array that is the value of a member of
 * the outermost object. Then *key is the member's key, with quotes. */
bool json_scanner_open_array(const struct json_scanner *scanner, struct span text,
                             struct span *key);

/* Checks a whole text at once, without callbacks. */
enum json_error json_check(struct span text);
