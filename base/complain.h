/* SPDX-License-Identifier: MIT */
/* What people read who started a program that does not do what they wanted. */
#pragma once

#include <stdarg.h>
#include <stdio.h>

#include "base/util.h"

/*
 * One line on stderr behind the program's name. What is unsafe in a line (base/glyph.h) becomes a
 * question mark: names of files may hold anything.
 */
void complain(const char *format, ...) printf_like(1, 2);

/* The same to another stream. */
void complain_to(FILE *to, const char *format, va_list args) printf_like(2, 0);
