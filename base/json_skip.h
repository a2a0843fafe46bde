/* SPDX-License-Identifier: MIT */
/* Over text that the scanner has passed: nothing is checked twice. For base/json.c. */
#pragma once

/* The first byte from at on that is no blank, or end. */
const char *json_skip_blanks(const char *at, const char *end);
/* at is on the opening quote. Returns what comes behind the string. */
const char *json_skip_string(const char *at, const char *end);
/* at is on the first byte of a value. Returns what comes behind it. */
const char *json_skip_value(const char *at, const char *end);
