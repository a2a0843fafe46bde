/* SPDX-License-Identifier: MIT */
/*
 * Running statements: they are queued, and travel together; PostgreSQL runs them in one transaction
 * of its own, unless PG_BEGIN has opened one. Where one fails, those behind it are not run.
 */
#pragma once

#include "outbox/pg_core.h"

typedef int (*pg_result_fn)(struct pg_core *self, const PGresult *result, void *ctx);

/* A parameter: a number, or bytes in the format of its type; SPAN_NULL: NULL. */
struct pg_value {
    bool is_number;
    int64_t number;
    struct span bytes;
};
#define PG_NUMBER(n) ((struct pg_value){.is_number = true, .number = (int64_t)(n)})
#define PG_BYTES(span) ((struct pg_value){.bytes = (span)})

/* Queues a statement. fn, which may be NULL, is called with the result during pg_run_end(). 0,
 * STORE_AWAY or -ENOMEM. */
int pg_run_queue(struct pg_core *self, enum pg_statement which, const struct pg_value *values,
                 size_t len, pg_result_fn fn, void *ctx);
#define PG_QUEUE(self, which, fn, ctx, ...)                                                        \
    pg_run_queue(self, which, (const struct pg_value[]){__VA_ARGS__},                              \
                 array_len(((const struct pg_value[]){__VA_ARGS__})), fn, ctx)

/* Has all that is queued run, and waits for the results. 0; the first failure; or what the first fn
 * returned that failed. */
int pg_run_end(struct pg_core *self);

/* During an fn: takes over its result, which the caller clears. */
PGresult *pg_run_keep(struct pg_core *self);

/* A pg_result_fn for a number that says yes or no; ctx: a bool. No row means no. */
int pg_run_take_bool(struct pg_core *self, const PGresult *result, void *ctx);

/* Queues SQL that stands for itself, and runs it at once, as pg_run_end(). "@" as in
 * pg_statement_text(); several commands need the transaction that is open. */
int pg_run_sql(struct pg_core *self, const char *sql, const struct pg_value *values, size_t len,
               pg_result_fn fn, void *ctx);

/* The name under which a statement is prepared. It stands for the text: behind a pooler the session
 * may have statements of another relay, for another schema or of another version. */
void pg_run_name(const char *text, char name[PG_NAME_MAX]);

/* sql with the schema's name for each "@". NULL: no memory. The caller frees it. */
char *pg_run_text(const char *schema, const char *sql);
