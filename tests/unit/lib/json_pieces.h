/* SPDX-License-Identifier: MIT */
/* Feeds the JSON scanner in pieces of any size: its verdict must not depend on the pieces. */
#pragma once

#include "base/json_scan.h"
#include "tests/unit/lib/rows.h"

struct scan_verdict {
    enum json_error error;
    size_t pos;
    bool is_object;
    struct buf members; /* where the scanner found members, as text */
};

void scan_verdict_done(struct scan_verdict *verdict);

/*
 * Feeds the first bytes of the text, then step more at a time. Each time the bytes fed so far move
 * to a new block of just their size, so that a sanitizer sees a scanner that reads the old block or
 * beyond the new one.
 */
struct scan_verdict scan_in_pieces(struct span text, size_t first, size_t step);

void assert_same_verdict(const struct scan_verdict *is, const struct scan_verdict *should);

/* ---- Tables of texts ---- */

struct scan_row {
    const char *name;
    enum json_error error;
    struct span text;
    size_t pos; /* where the scanner stops */
};

#define ACCEPT(name, text)                                                                         \
    {                                                                                              \
        name, JSON_FINE, TEXT(text), sizeof(text) - 1                                              \
    }
/* The text up to where it goes wrong, and from there on. */
#define REJECT(error, name, before, from)                                                          \
    {                                                                                              \
        name, JSON_##error, TEXT(before from), sizeof(before) - 1                                  \
    }

/* A test whose state is a scan_row: the scanner gives the row's verdict, whatever the pieces. */
void test_scan(void **state);
