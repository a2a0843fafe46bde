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

enum {
    READ_ROWS = 500,          /* of a page */
    READ_BYTES = 1024 * 1024, /* of a page, behind the first row */
    READ_BODY_COLUMN = 15,
};

/* Which page a filter wants, and how many parameters that has. */
static enum pg_statement read_statement(const struct store_filter *filter, size_t *values_len)
{
    *values_len = 7;
    if (filter->first > STORE_DEAD)
        return PG_READ_OFFERS;
    if (filter->first > STORE_PENDING)
        return PG_READ_LETTERS;
    if (filter->last > STORE_PENDING)
        return PG_READ_ALL;
    *values_len = 5;
    return PG_READ_PENDING;
}

static struct store_row read_row(const PGresult *page, int i)
{
    return (struct store_row){
        .id = (uint64_t)pg_core_number(page, i, 0),
        .state = (enum store_state)pg_core_number(page, i, 1),
        .stale = pg_core_number(page, i, 2) != 0,
        .attempts = (int)pg_core_number(page, i, 3),
        .arrived_ms = pg_core_number(page, i, 4),
        .since_ms = pg_core_number(page, i, 5),
        .tried_ms = pg_core_number(page, i, 6),
        .died_ms = pg_core_number(page, i, 7),
        .was = (uint64_t)pg_core_number(page, i, 8),
        .sequence = (uint64_t)pg_core_number(page, i, 9),
        .model = pg_core_bytes(page, i, 10),
        .record = pg_core_bytes(page, i, 11),
        .reason = pg_core_bytes(page, i, 12),
        .request = pg_core_bytes(page, i, 13),
        .import = pg_core_bytes(page, i, 14),
        .body = pg_core_bytes(page, i, READ_BODY_COLUMN),
    };
}

/* Keeps the page, which is given out once the statement is over. */
static int read_take_page(struct pg_core *self, const PGresult *result, void *ctx)
{
    (void)result;
    *(PGresult **)ctx = pg_run_keep(self);
    return 0;
}

static void read_clear(PGresult **page)
{
    PQclear(*page);
}

/* Gives out one page. *after: the id behind which the next one begins. *rows: how many there were.
 */
static int read_page(struct pg_core *self, const struct store_filter *filter, uint64_t rows_max,
                     uint64_t *after, int *rows, store_row_fn fn, void *ctx)
{
    cleanup(read_clear) PGresult *page = NULL;
    const struct pg_value values[] = {
        PG_NUMBER(*after),
        PG_NUMBER(filter->upto ? filter->upto : INT64_MAX),
        PG_BYTES(filter->model),
        PG_NUMBER(rows_max),
        PG_NUMBER(filter->bare ? -READ_BYTES : READ_BYTES),
        PG_NUMBER(filter->first),
        PG_NUMBER(filter->last),
    };
    size_t values_len;
    enum pg_statement which = read_statement(filter, &values_len);
    int r = pg_ask_reading(self, which, values, values_len, read_take_page, &page);

    *rows = r ? 0 : PQntuples(page);
    for (int i = 0; i < *rows && !r; i++) {
        const struct store_row row = read_row(page, i);
        *after = row.id;
        r = fn(ctx, &row);
    }
    return r;
}

int pg_read_rows(struct store *store, const struct store_filter *filter, store_row_fn fn, void *ctx)
{
    struct pg_core *self = pg_core_of(store);
    uint64_t after = filter->after, left = filter->rows_max ? filter->rows_max : UINT64_MAX;
    int r = 0;

    for (int rows = 1; !r && rows > 0 && left > 0; left -= (uint64_t)rows)
        r = read_page(self, filter, left < READ_ROWS ? left : READ_ROWS, &after, &rows, fn, ctx);
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
