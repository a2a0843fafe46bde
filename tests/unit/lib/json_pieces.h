/* SPDX-License-Identifier: MIT */
/* The JSON scanner, fed in pieces of any size: what it says must not depend on them. */
#pragma once

#include "base/json_scan.h"
#include "tests/unit/lib/rows.h"

struct scan_verdict {
    enum json_error error;
    size_t pos;
    bool is_object;
    struct buf members; /* where the members that it told of were, as text */
};

void scan_verdict_done(struct scan_verdict *verdict);

/*
 * Feeds the first bytes of the text, then step more at a time. What has arrived moves to another
 * place each time, of just its size, so that a sanitizer sees a scanner that looks elsewhere.
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

/* A test whose state is a scan_row: the scanner says of it what the row does, however it is fed. */
void test_scan(void **state);
