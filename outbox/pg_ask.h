/* SPDX-License-Identifier: MIT */
/* Statements whose answer is needed before the commit: what is gathered runs before them. */
#pragma once

#include "outbox/pg_run.h"
#include "outbox/pg_stage.h"

/* Begins what PostgreSQL is to know as a transaction: self->cycle is its number from then on. 0; or
 * a failure, which spoils the transaction. */
int pg_ask_begin(struct pg_core *self);

/* Has what is gathered run. 0; or a failure, which spoils the transaction. */
int pg_ask_flush(struct pg_core *self);

/* Runs a statement within the transaction, as pg_run_queue(). 0; or a failure, which spoils the
 * transaction. */
int pg_ask(struct pg_core *self, enum pg_statement which, const struct pg_value *values, size_t len,
           pg_result_fn fn, void *ctx);
#define PG_ASK(self, which, fn, ctx, ...)                                                          \
    pg_ask(self, which, (const struct pg_value[]){__VA_ARGS__},                                    \
           array_len(((const struct pg_value[]){__VA_ARGS__})), fn, ctx)

/* The same for a reading, which needs no transaction: what a transaction has gathered is seen. */
int pg_ask_reading(struct pg_core *self, enum pg_statement which, const struct pg_value *values,
                   size_t len, pg_result_fn fn, void *ctx);
