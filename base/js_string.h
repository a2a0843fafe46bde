/* SPDX-License-Identifier: MIT */
/* How JavaScript writes a value from JSON. Source: ECMA-262, ToString and JSON.stringify. */
#pragma once

#include "base/buf.h"

enum {
    JS_STRING_THROWS = 1, /* it would throw: Cannot convert object to primitive value */
    JS_STRING_CUT = 2,    /* it is longer than max */
};

/*
 * String(value): appends to out, which grows to max bytes at most. json has passed the scanner. 0,
 * an outcome above, or -ENOMEM.
 */
int js_string(struct span json, size_t max, struct buf *out);

/*
 * JSON.stringify(value), but for the order of keys that are numbers and for repeated ones, which
 * stay as they are. Appends to out. 0 or -ENOMEM.
 */
int js_stringify(struct span json, struct buf *out);
