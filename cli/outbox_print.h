/* SPDX-License-Identifier: MIT */
/*
 * How `convex-relay outbox` shows events: as text for people and as JSON for programs.
 *
 * What an event holds was written by strangers. Whatever could drive a terminal or reorder what it
 * shows is escaped, in JSON too, where that changes nothing of the value. A body alone stays as it
 * arrived, but for terminals.
 *
 * All append to out and return 0 or -ENOMEM.
 */
#pragma once

#include "outbox/store.h"

/* The line above the rows. */
int outbox_print_heading(struct buf *out);

/* A line, cut to a width that people can read. */
int outbox_print_line(const struct store_row *row, int64_t now_ms, struct buf *out);

/* All there is: a line for each thing, an empty line, the body. */
int outbox_print_whole(const struct store_row *row, bool for_terminal, struct buf *out);

/* An object on a line. */
int outbox_print_json(const struct store_row *row, bool with_body, struct buf *out);

int outbox_print_counts(const struct store_counts *counts, int64_t now_ms, struct buf *out);
int outbox_print_counts_json(const struct store_counts *counts, int64_t now_ms, struct buf *out);
