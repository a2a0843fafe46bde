/* SPDX-License-Identifier: MIT */
/* Skips values of JSON text that has passed the scanner, without checking anything again. For
 * json.c. */
#pragma once

/* Returns the first place from at on that holds no blank; end: there is none. */
const char *json_skip_blanks(const char *at, const char *end);
/* at is on the opening quote. Returns the place behind the string. */
const char *json_skip_string(const char *at, const char *end);
/* at is on the first byte of a value. Returns the place behind the value. */
const char *json_skip_value(const char *at, const char *end);
