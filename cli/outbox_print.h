/* SPDX-License-Identifier: MIT */
/*
 * How `convex-relay outbox` shows events and counts: as text for people and as JSON for programs.
 *
 * The content of an event was written by strangers. Whatever could drive a terminal or reorder its
 * text is escaped, in JSON, too, where the value stays the same. A body that is not shown on a
 * terminal stays as it arrived.
 *
 * All functions append to out and return 0 or -ENOMEM.
 */
#pragma once

#include "outbox/store.h"

/* The line above the rows of a list. */
int outbox_print_heading(struct buf *out);

/* One event as a row of a list, cut to a width that people can read. */
int outbox_print_line(const struct store_row *row, int64_t now_ms, struct buf *out);

/* One event with all there is: a line for each field, an empty line, the body. */
int outbox_print_whole(const struct store_row *row, bool for_terminal, struct buf *out);

/* One event as a JSON object on one line. */
int outbox_print_json(const struct store_row *row, bool with_body, struct buf *out);

/* The counts of all events, as lines for people and as a JSON object on one line. */
int outbox_print_counts(const struct store_counts *counts, int64_t now_ms, struct buf *out);
int outbox_print_counts_json(const struct store_counts *counts, int64_t now_ms, struct buf *out);
