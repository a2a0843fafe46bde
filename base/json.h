/* SPDX-License-Identifier: MIT */
/*
 * JSON text that has passed the scanner (json_scan.h): walking over values, decoding and writing
 * strings. Nothing is checked twice.
 *
 * Strings are decoded to WTF-8, which may hold NUL: UTF-8 in which an unpaired surrogate, written
 * as \ud800 in JSON, stands as its three bytes (https://simonsapin.github.io/wtf-8/).
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

/* The bytes that one UTF-16 unit of a string takes at most, as written: \uXXXX. */
enum { JSON_CODE_UNIT_BYTES_MAX = 6 };

/* ---- Walking ---- */

/*
 * Walks over the members of an object, or over the elements of an array, which leave key as it is.
 *   struct json_walk walk = json_walk(value);
 *   while (json_next(&walk, &key, &value)) ...
 */
struct json_walk {
    const char *at;  /* behind the last member */
    const char *end; /* the closing bracket */
    bool object;     /* not an array */
};

/* A value that is no object and no array has no members. */
struct json_walk json_walk(struct span value);

/* Moves on to the next member. False: there is none, and *key and *value are untouched. */
bool json_next(struct json_walk *walk, struct span *key, struct span *value);

/* The value that begins at begin. The text ends before end. */
struct span json_value_at(const char *begin, const char *end);

/* The value of the last member with that name; SPAN_NULL: there is none, or value is no object. */
struct span json_find(struct span object, struct span name);

/* Whether a string as written (with its quotes) means name. */
bool json_string_is(struct span string, struct span name);

/* Appends a string as written (with its quotes), decoded to WTF-8. 0 or -ENOMEM. */
int json_decode(struct span string, struct buf *out);

/* The same for the beginning of a long string: appends at least wanted bytes, if the string has so
 * many, and not many more. */
int json_decode_some(struct span string, size_t wanted, struct buf *out);

/* ---- Writing, as JavaScript's JSON.stringify does ---- */

/* Appends WTF-8 as a JSON string with quotes. 0 or -ENOMEM. */
int json_quote(struct span wtf8, struct buf *out);

/* Appends bytes in which all that is not UTF-8 becomes U+FFFD, as in the WHATWG decoder. 0 or
 * -ENOMEM. */
int json_clean_utf8(struct span bytes, struct buf *out);
