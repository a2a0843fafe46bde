/* SPDX-License-Identifier: MIT */
/* An event as a row of a statement, and values that are bound to one. */
#pragma once

#include <sqlite3.h>

#include "outbox/store.h"

/* The columns of an event, as sqlite_row() takes them, */
#define SQLITE_EVENT_COLUMNS                                                                       \
    "id, state, stale, attempts, arrived_ms, since_ms, tried_ms, died_ms, was, sequence,"          \
    " model, record, reason, request, import"

/* and the same of a file of version 1. */
#define SQLITE_EVENT_COLUMNS_1                                                                     \
    "id, state, stale, attempts, arrived_ms, arrived_ms, tried_ms, died_ms, NULL, NULL,"           \
    " model, record, reason, NULL, NULL"

/* Without its body. Good until the statement is stepped or reset. */
struct store_row sqlite_row(sqlite3_stmt *statement);

/* Whether the columns can be those of an event, as far as their types tell. */
bool sqlite_row_is_likely(sqlite3_stmt *statement);

/* Binds an event without its body, in the order of its columns. An SQLite result. */
int sqlite_row_bind(sqlite3_stmt *statement, const struct store_row *row);

/* A blob; SPAN_NULL where the column is NULL. Good until the statement is stepped or reset. */
struct span sqlite_row_span(sqlite3_stmt *statement, int column);

/* The bytes must stay until the statement has run. An SQLite result. */
int sqlite_row_bind_span(sqlite3_stmt *statement, int at, struct span span);
