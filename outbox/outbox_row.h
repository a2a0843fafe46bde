/* SPDX-License-Identifier: MIT */
/* A row that has left the store: a copy, with all it points at. */
#pragma once

#include <sys/queue.h>

#include "outbox/store.h"

TAILQ_HEAD(outbox_rows, outbox_row);
struct outbox_row {
    struct store_row row; /* body.at is from malloc(); NULL once somebody took it */
    void *prepared;       /* what prepare() made of the row; NULL: nothing */
    void (*prepared_free)(void *prepared);
    TAILQ_ENTRY(outbox_row) link;
};

/* Parses a row on the writer's thread, so that the loop need not: sets row->prepared and
 * row->prepared_free, and may take the body. 0; or -ENOMEM, and the row is as it was. */
typedef int (*outbox_prepare_fn)(struct outbox_row *row);

/* Copies a row, and calls prepare (may be NULL) with the copy. NULL: out of memory. */
struct outbox_row *outbox_row_copy(const struct store_row *row, outbox_prepare_fn prepare);

/* Takes NULL, and returns NULL. */
struct outbox_row *outbox_row_free(struct outbox_row *row);

/* Frees all rows; the list is empty then. */
void outbox_rows_free(struct outbox_rows *rows);
