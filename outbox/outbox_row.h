/* SPDX-License-Identifier: MIT */
/* A row with copies of all it points at. */
#pragma once

#include <sys/queue.h>

#include "outbox/store.h"

TAILQ_HEAD(outbox_rows, outbox_row);
struct outbox_row {
    struct store_row row; /* body.at is malloc()ed alone: take it by setting it to NULL */
    void *prepared;       /* see outbox_prepare_fn */
    void (*prepared_free)(void *prepared);
    TAILQ_ENTRY(outbox_row) link;
};

/* Makes of a row what the loop wants of it, on the outbox's thread: sets row.prepared, and may take
 * the body. 0, or -ENOMEM and the row is as it was. */
typedef int (*outbox_prepare_fn)(struct outbox_row *row);

/* prepare: NULL, or is done with the copy. NULL when out of memory. */
struct outbox_row *outbox_row_copy(const struct store_row *row, outbox_prepare_fn prepare);
struct outbox_row *outbox_row_free(struct outbox_row *row);
void outbox_rows_free(struct outbox_rows *rows);
