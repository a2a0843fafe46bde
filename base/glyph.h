/* SPDX-License-Identifier: MIT */
/*
 * What a character does to the line that it stands in. The locale is not asked: a service has none,
 * and what a table or a log looks like must not depend on it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* The first character's code (a surrogate's, too: WTF-8) and its bytes; 0 bytes: it is none. */
size_t glyph_decode(struct span text, uint32_t *code);

/* Controls, and what is not seen, or hides, turns round or breaks the text around it. */
bool glyph_is_unsafe(uint32_t code);

/* The columns of a terminal that it takes, where it is not unsafe: 0 (an accent for the letter
 * before it), 1 or 2. */
size_t glyph_columns(uint32_t code);

enum { GLYPH_ESCAPE_MAX = 16 };

/* Writes it as \u202e; past U+FFFF as \U000e0001, or, as JSON has it, as a pair. */
void glyph_escape(uint32_t code, bool json, char text[GLYPH_ESCAPE_MAX]);
