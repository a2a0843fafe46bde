/* SPDX-License-Identifier: MIT */
/*
 * Readings.
 *
 * Rows come in pages, each a statement of its own that begins behind the last row: so a million
 * rows do not come into memory, and the connection is free while a page is given out. A row that
 * comes late, with a lower id, is not seen; none does but an offer that is taken.
 */
#include "outbox/pg_read.h"

#include "outbox/pg_ask.h"
#include "outbox/pg_mend.h"
#include "outbox/pg_page.h"
#include "outbox/pg_suspect.h"

/* The page behind *after has met damage. Within a transaction, which other changes share, tending
 * must do the rest. */
static int read_on(struct pg_core *self, const struct store_filter *filter, uint64_t after,
                   uint64_t rows_max, store_row_fn fn, void *ctx)
{
    if (!self->begun)
        return pg_mend_read(self, filter, after, rows_max, fn, ctx);
    if (filter->upto == after + 1)
        pg_suspect_add(self, filter->upto);
    return STORE_BROKEN;
}

int pg_read_rows(struct store *store, const struct store_filter *filter, store_row_fn fn, void *ctx)
{
    struct pg_core *self = pg_core_of(store);
    uint64_t after = filter->after, left = filter->rows_max ? filter->rows_max : UINT64_MAX;
    int r = 0;

    for (int rows = 1; !r && rows > 0 && left > 0; left -= (uint64_t)rows) {
        r = pg_page_read(self, filter, left < PG_PAGE_ROWS ? left : PG_PAGE_ROWS, &after, &rows, fn,
                         ctx);
        if (r && rows == 0 && pg_core_met_damage(self))
            return read_on(self, filter, after, left, fn, ctx);
    }
    return r;
}

static int read_take_mark(struct pg_core *self, const PGresult *result, void *ctx)
{
    (void)self;
    *(uint64_t *)ctx = (uint64_t)pg_core_number(result, 0, 0);
    return 0;
}

int pg_read_id_mark(struct store *store, uint64_t *id)
{
    return pg_ask_reading(pg_core_of(store), PG_ID_MARK, NULL, 0, read_take_mark, id);
}
