/* SPDX-License-Identifier: MIT */
/*
 * JSON text, taken strictly (RFC 8259) as the bytes arrive, and never rebuilt.
 *
 * cJSON cannot be the gate here: it accepts what is not JSON, cuts strings at \u0000, loses digits
 * of numbers, and makes a tree forty times the size of the text.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "base/utf8.h"

enum {
    JSON_DEPTH_MAX = 4096,     /* deeper text is refused */
    JSON_KEY_PLAIN_MAX = 1024, /* Convex's limit for a field name */
};

enum json_error {
    JSON_FINE = 0,
    JSON_INCOMPLETE, /* the text ends in the middle */
    JSON_SYNTAX,     /* a byte that cannot stand there */
    JSON_UTF8,       /* invalid UTF-8 */
    JSON_TOO_LARGE,  /* a number that no double holds */
    JSON_TOO_DEEP,
};

/* A member of the outermost object. */
struct json_member {
    struct span key;   /* with its quotes, escapes as written */
    struct span value; /* as written, no blanks around it */
    /*
     * Some key inside the value, at any depth, is one that ConvexHttpClient may refuse: it starts
     * with $, is long, is __proto__, or holds an escape or a byte outside 0x20..0x7e. The key above
     * does not count.
     */
    bool odd_keys;
    bool null_members; /* the value is an object of which a member is null */
};

struct json_scanner {
    /* Called for each member of the outermost object, in the text's order; may be NULL. */
    void (*member)(void *ctx, const struct json_member *member);
    /* Called for each odd key inside of a value, with its quotes; NULL unless set after the init.
     */
    void (*odd_key)(void *ctx, struct span key);
    /* Called for each member of this name in an object that is itself the value of a member; NULL
     * unless set. */
    void (*inner)(void *ctx, struct span value);
    struct span inner_name;
    void *ctx;
    /* How far it has come: where an error is, after one. */
    size_t pos;
    /* The rest is its own. */
    enum json_error error;
    int state;
    const char *literal; /* what is left of true, false, null */
    int hex_left;
    struct utf8_rest utf8;
    int depth;
    char outermost; /* what the text begins with */
    bool in_key;
    bool odd_key_at_hand;
    bool odd_keys;
    bool null_members;
    bool inner_at_hand;                  /* the member inside is one of that name */
    size_t token;                        /* where the string or number at hand began */
    size_t key, key_end, value;          /* of the member at hand */
    size_t inner_value;                  /* of the one inside */
    uint64_t stack[JSON_DEPTH_MAX / 64]; /* a bit a level: 1 is an object */
};

void json_scanner_init(struct json_scanner *scanner,
                       void (*member)(void *ctx, const struct json_member *member), void *ctx);

/*
 * Takes the text on from where the last call stopped: text is all that has arrived so far, and may
 * have moved in memory since. Spans given to member point into it. JSON_FINE, or the error, which
 * stays.
 */
enum json_error json_scan(struct json_scanner *scanner, struct span text);

/* The text has ended. JSON_FINE: it is one JSON value, whole. */
enum json_error json_scan_end(struct json_scanner *scanner, struct span text);

/* Whether the text, which was whole, is an object. */
bool json_scanner_is_object(const struct json_scanner *scanner);

/*
 * Whether the text that has been scanned so far ends within a string that is the value of a member
 * of the outermost object: then *member has the key, and of the string what is there.
 */
bool json_scanner_open_string(const struct json_scanner *scanner, struct span text,
                              struct json_member *member);

/* The whole text at once; members are not told. */
enum json_error json_check(struct span text);
