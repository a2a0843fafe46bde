/* SPDX-License-Identifier: MIT */
/*
 * Tables of cases: one cmocka test for each row. A row begins with a name, and the test gets the
 * row as its state.
 *
 *   static struct CMUnitTest tests[array_len(plain_rows) + array_len(odd_rows)];
 *   size_t len = rows_add(tests, 0, plain_rows, test_plain);
 *   rows_add(tests, len, odd_rows, test_odd);
 *   return cmocka_run_group_tests(tests, NULL, NULL);
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

/* A span in a table: bytes, which may hold NUL. */
#define TEXT(literal)                                                                              \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

/* Long texts: s so many times over. */
#define X2(s) s s
#define X4(s) X2(s) X2(s)
#define X8(s) X4(s) X4(s)
#define X10(s) X8(s) X2(s)
#define X64(s) X8(X8(s))
#define X100(s) X10(X10(s))
#define X1000(s) X10(X100(s))
#define X1024(s) X64(X8(X2(s)))

/* Texts of 16, 128 and 512 bytes; a secret may have 512. */
#define B16 "0123456789abcdef"
#define B128 X8(B16)
#define B512 X4(B128)

/* Appends a test for each row of an array to the first len tests. Returns how many tests there are
 * then. */
#define rows_add(tests, len, rows, test)                                                           \
    rows_add_sized(tests, len, (rows), array_len(rows), sizeof(*(rows)), test)
size_t rows_add_sized(struct CMUnitTest *tests, size_t len, void *rows, size_t rows_len,
                      size_t row_bytes, CMUnitTestFunction test);

/* Both spans hold the same bytes. A failure shows the two as text. */
void assert_same_text(struct span is, struct span should);
