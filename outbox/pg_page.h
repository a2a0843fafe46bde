/* SPDX-License-Identifier: MIT */
/* A page: rows that come together, by one statement. */
#pragma once

#include "outbox/pg_core.h"

enum { PG_PAGE_ROWS = 500 };

/* Gives out the filter's next rows, rows_max at most. *after: the id behind which the page begins,
 * and then that of its last row. *rows: how many there were; 0 at the end. 0, what fn returned, or
 * a failure: STORE_BROKEN and no row where pg_core_met_damage(). */
int pg_page_read(struct pg_core *self, const struct store_filter *filter, uint64_t rows_max,
                 uint64_t *after, int *rows, store_row_fn fn, void *ctx);
