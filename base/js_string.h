/* SPDX-License-Identifier: MIT */
/* How JavaScript writes a value from JSON. Source: ECMA-262, ToString and JSON.stringify. */
#pragma once

#include "base/buf.h"

enum {
    JS_STRING_THROWS = 1, /* JavaScript would throw: Cannot convert object to primitive value */
    JS_STRING_CUT = 2,    /* the string is longer than max bytes */
};

/* Appends String(value) to out, which may grow to max bytes. json must have passed the scanner. 0,
 * an outcome above, or -ENOMEM. */
int js_string(struct span json, size_t max, struct buf *out);

/* Appends JSON.stringify(value) to out, except that numeric keys and repeated keys keep their
 * places. 0 or -ENOMEM. */
int js_stringify(struct span json, struct buf *out);
