/* SPDX-License-Identifier: MIT */
/* Complaints on stderr, for a person whose command did not do what it should. */
#pragma once

#include <stdarg.h>
#include <stdio.h>

#include "base/util.h"

/* Writes one line to stderr, behind the program's name. Characters that are unsafe in a line
 * (base/glyph.h) become question marks, since a file's name may hold anything. */
void complain(const char *format, ...) printf_like(1, 2);

/* The same, to another stream. */
void complain_to(FILE *to, const char *format, va_list args) printf_like(2, 0);
