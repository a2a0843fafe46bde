/* SPDX-License-Identifier: MIT */
/* Rows: events as columns and parameters of SQLite statements. */
#pragma once

#include <sqlite3.h>

#include "outbox/store.h"

/* The columns of an event in the order that sqlite_row() wants. */
#define SQLITE_EVENT_COLUMNS                                                                       \
    "id, state, stale, attempts, arrived_ms, since_ms, tried_ms, died_ms, was, sequence,"          \
    " model, record, reason, request, import"

/* The same for a file of version 1, which lacks some. */
#define SQLITE_EVENT_COLUMNS_1                                                                     \
    "id, state, stale, attempts, arrived_ms, arrived_ms, tried_ms, died_ms, NULL, NULL,"           \
    " model, record, reason, NULL, NULL"

/* The event in a statement's row, without its body. Valid until the statement is stepped or
 * reset. */
struct store_row sqlite_row(sqlite3_stmt *statement);

/* Whether the columns have the types of an event's: damage may lead to another table's rows. */
bool sqlite_row_is_likely(sqlite3_stmt *statement);

/* Binds an event without its body, in the order of the columns. An SQLite result. */
int sqlite_row_bind(sqlite3_stmt *statement, const struct store_row *row);

/* A column as bytes; SPAN_NULL where it is NULL. Valid until the statement is stepped or reset. */
struct span sqlite_row_span(sqlite3_stmt *statement, int column);

/* Binds bytes, or NULL for SPAN_NULL. The bytes must stay until the statement has run. An SQLite
 * result. */
int sqlite_row_bind_span(sqlite3_stmt *statement, int at, struct span span);
