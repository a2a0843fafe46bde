/* SPDX-License-Identifier: MIT */
/*
 * JSON text that the scanner has passed (json_scan.h), walked over as it stands; and strings of it.
 *
 * Strings are decoded to WTF-8: UTF-8 in which an unpaired surrogate, which JSON can write as
 * \ud800, stands as its three bytes (https://simonsapin.github.io/wtf-8/). They may hold NUL.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

enum { JSON_CODE_UNIT_BYTES_MAX = 6 }; /* of a string as written: \uXXXX */

/* ---- Walking ---- */

/*
 * Walks the members of an object (or the elements of an array, with key left as it was).
 *   struct json_walk walk = json_walk(value);
 *   while (json_next(&walk, &key, &value)) ...
 */
struct json_walk {
    const char *at;
    const char *end;
    bool object;
};

struct json_walk json_walk(struct span value);
bool json_next(struct json_walk *walk, struct span *key, struct span *value);

/* The value that begins at at, somewhere before end. */
struct span json_value_at(const char *at, const char *end);

/* The value of the last member of that name; SPAN_NULL where there is none or value is no object.
 */
struct span json_find(struct span object, struct span name);

/* Whether a string as written (with quotes) says name. */
bool json_string_is(struct span string, struct span name);

/* Appends a string as written (with quotes) decoded to WTF-8. 0 or -ENOMEM. */
int json_decode(struct span string, struct buf *out);

/* The same for the beginning of a long one: most bytes of it at least, and not many more. */
int json_decode_some(struct span string, size_t most, struct buf *out);

/* ---- Writing, as JavaScript's JSON.stringify does ---- */

/* Appends WTF-8 as a JSON string with its quotes. 0 or -ENOMEM. */
int json_quote(struct span wtf8, struct buf *out);

/* Appends bytes with what is not UTF-8 replaced by U+FFFD, as the WHATWG decoder does. 0 or
 * -ENOMEM. */
int json_clean_utf8(struct span bytes, struct buf *out);
