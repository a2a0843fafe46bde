/* SPDX-License-Identifier: MIT */
/* A page: which statement it is, and what its result says. */
#include "outbox/pg_page.h"

#include "outbox/pg_ask.h"

enum {
    PAGE_BYTES = 1024 * 1024, /* behind the first row */
    PAGE_BODY_COLUMN = 15,
};

/* Which page a filter wants, and how many parameters that has. */
static enum pg_statement page_statement(const struct store_filter *filter, size_t *values_len)
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

static struct store_row page_row(const PGresult *page, int i)
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
        .body = pg_core_bytes(page, i, PAGE_BODY_COLUMN),
    };
}

/* Keeps the page, which is given out once the statement is over. */
static int page_take(struct pg_core *self, const PGresult *result, void *ctx)
{
    (void)result;
    *(PGresult **)ctx = pg_run_keep(self);
    return 0;
}

static void page_clear(PGresult **page)
{
    PQclear(*page);
}

int pg_page_read(struct pg_core *self, const struct store_filter *filter, uint64_t rows_max,
                 uint64_t *after, int *rows, store_row_fn fn, void *ctx)
{
    cleanup(page_clear) PGresult *page = NULL;
    const struct pg_value values[] = {
        PG_NUMBER(*after),
        PG_NUMBER(filter->upto ? filter->upto : INT64_MAX),
        PG_BYTES(filter->model),
        PG_NUMBER(rows_max),
        PG_NUMBER(filter->bare ? -PAGE_BYTES : PAGE_BYTES),
        PG_NUMBER(filter->first),
        PG_NUMBER(filter->last),
    };
    size_t values_len;
    enum pg_statement which = page_statement(filter, &values_len);
    self->reads = true;
    int r = pg_ask_reading(self, which, values, values_len, page_take, &page);
    self->reads = false;

    *rows = r ? 0 : PQntuples(page);
    for (int i = 0; i < *rows && !r; i++) {
        const struct store_row row = page_row(page, i);
        *after = row.id;
        r = fn(ctx, &row);
    }
    return r;
}
