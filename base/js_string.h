/* SPDX-License-Identifier: MIT */
/* How JavaScript writes a value from JSON as a string. Source: ECMA-262, ToString. */
#pragma once

#include "base/buf.h"

enum { JS_STRING_CUT = 1 };

/*
 * Appends String(value) to out, which grows to max bytes at most. json has passed the scanner. 0;
 * JS_STRING_CUT: the string is longer than max; or -ENOMEM.
 */
int js_string(struct span json, size_t max, struct buf *out);
