/* SPDX-License-Identifier: MIT */
/* JavaScript's String(value) for a value from JSON. Source: ECMA-262, ToString. */
#pragma once

#include "base/buf.h"

enum {
    JS_STRING_THROWS = 1, /* it would throw: Cannot convert object to primitive value */
    JS_STRING_CUT = 2,    /* it is longer than max */
};

/*
 * Appends to out, which grows to max bytes at most. json has passed the scanner. 0, an outcome
 * above, or -ENOMEM.
 */
int js_string(struct span json, size_t max, struct buf *out);
