/* SPDX-License-Identifier: MIT */
/*
 * Text that strangers wrote, WTF-8 or any bytes, for terminals and for programs: what could drive a
 * terminal, or hide or reorder what it shows, is escaped.
 *
 * All append to out and return 0 or -ENOMEM.
 */
#pragma once

#include "base/buf.h"

/* All of it. A line feed becomes line_break; NULL: it is escaped, too. */
int outbox_text_whole(struct span text, const char *line_break, struct buf *out);

/*
 * As much of it as fits width columns, and how many it takes.
 */
int outbox_text_cut(struct span text, size_t width, size_t *used, struct buf *out);

/* A JSON string of the same value; what is no UTF-8, and no surrogate, becomes U+FFFD. */
int outbox_text_json(struct span text, struct buf *out);
