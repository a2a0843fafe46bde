/* SPDX-License-Identifier: MIT */
/* A row with copies of all it points at. */
#pragma once

#include <sys/queue.h>

#include "outbox/store.h"

TAILQ_HEAD(outbox_rows, outbox_row);
struct outbox_row {
    struct store_row row; /* body.at is malloc()ed alone: take it by setting it to NULL */
    void *prepared;       /* see outbox_read.prepare */
    void (*prepared_free)(void *prepared);
    TAILQ_ENTRY(outbox_row) link;
};

/* NULL when out of memory. */
struct outbox_row *outbox_row_copy(const struct store_row *row);
struct outbox_row *outbox_row_free(struct outbox_row *row);
void outbox_rows_free(struct outbox_rows *rows);
