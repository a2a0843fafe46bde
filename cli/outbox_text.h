/* SPDX-License-Identifier: MIT */
/*
 * Text that strangers wrote, escaped for terminals and for programs. The text may be WTF-8 or any
 * bytes. Whatever could drive a terminal, or hide or reorder text, is escaped.
 *
 * All functions append to out and return 0 or -ENOMEM.
 */
#pragma once

#include "base/buf.h"

/* The whole text. A line feed becomes line_break, or is escaped if that is NULL. */
int outbox_text_whole(struct span text, const char *line_break, struct buf *out);

/* As much of the text as fits width columns, with an ellipsis where something is left out. *used:
 * the columns that are taken. */
int outbox_text_cut(struct span text, size_t width, size_t *used, struct buf *out);

/* A JSON string of the same value. Bytes that are neither UTF-8 nor a surrogate become U+FFFD. */
int outbox_text_json(struct span text, struct buf *out);
