/* SPDX-License-Identifier: MIT */
/* What a character does to the line that it stands in. The locale is not asked: a service has none,
 * and a table or a log must look the same everywhere. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* Decodes the first character of WTF-8 text, which must not be empty. Returns its number of bytes;
 * 0: the text begins with no character. *code may be a lone surrogate. */
size_t glyph_decode(struct span text, uint32_t *code);

/* Whether the character is a control, is invisible, or hides, reorders or breaks the text around
 * it. */
bool glyph_is_unsafe(uint32_t code);

/* How many columns of a terminal a safe character takes: 1, 2, or 0 for an accent on the letter
 * before it. */
size_t glyph_columns(uint32_t code);

enum { GLYPH_ESCAPE_MAX = 16 };

/* Writes an escape, such as \u202e. Past U+FFFF: \U000e0001, or a pair of \u in JSON. */
void glyph_escape(uint32_t code, bool json, char text[GLYPH_ESCAPE_MAX]);
