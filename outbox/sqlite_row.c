/* SPDX-License-Identifier: MIT */
/* Rows. An optional number that an event does not have is NULL in its column. */
#include "outbox/sqlite_row.h"

enum {
    ROW_NUMBERS = 8,  /* the first columns: numbers */
    ROW_OPTIONAL = 2, /* the next ones: numbers or NULL */
    ROW_SPANS = 5,    /* the last ones: blobs or NULL */
    ROW_FIRST_SPAN = ROW_NUMBERS + ROW_OPTIONAL,
};

struct span sqlite_row_span(sqlite3_stmt *statement, int column)
{
    if (sqlite3_column_type(statement, column) == SQLITE_NULL)
        return SPAN_NULL;
    /* SQLite gives an empty blob as NULL. */
    const char *at = sqlite3_column_blob(statement, column);
    return (struct span){at ? at : "", (size_t)sqlite3_column_bytes(statement, column)};
}

struct store_row sqlite_row(sqlite3_stmt *statement)
{
    return (struct store_row){
        .id = (uint64_t)sqlite3_column_int64(statement, 0),
        .state = (enum store_state)sqlite3_column_int(statement, 1),
        .stale = sqlite3_column_int(statement, 2) != 0,
        .attempts = sqlite3_column_int(statement, 3),
        .arrived_ms = sqlite3_column_int64(statement, 4),
        .since_ms = sqlite3_column_int64(statement, 5),
        .tried_ms = sqlite3_column_int64(statement, 6),
        .died_ms = sqlite3_column_int64(statement, 7),
        .was = (uint64_t)sqlite3_column_int64(statement, 8),
        .sequence = (uint64_t)sqlite3_column_int64(statement, 9),
        .model = sqlite_row_span(statement, 10),
        .record = sqlite_row_span(statement, 11),
        .reason = sqlite_row_span(statement, 12),
        .request = sqlite_row_span(statement, 13),
        .import = sqlite_row_span(statement, 14),
    };
}

bool sqlite_row_is_likely(sqlite3_stmt *statement)
{
    for (int i = 0; i < ROW_FIRST_SPAN + ROW_SPANS; i++) {
        int type = sqlite3_column_type(statement, i);
        int should = i < ROW_FIRST_SPAN ? SQLITE_INTEGER : SQLITE_BLOB;
        if (type != should && (type != SQLITE_NULL || i < ROW_NUMBERS))
            return false;
    }
    return true;
}

int sqlite_row_bind_span(sqlite3_stmt *statement, int at, struct span span)
{
    if (!span.at)
        return sqlite3_bind_null(statement, at);
    return sqlite3_bind_blob64(statement, at, span.at, span.len, SQLITE_STATIC);
}

int sqlite_row_bind(sqlite3_stmt *statement, const struct store_row *row)
{
    const int64_t numbers[] = {(int64_t)row->id,  row->state,
                               row->stale,        row->attempts,
                               row->arrived_ms,   row->since_ms ? row->since_ms : row->arrived_ms,
                               row->tried_ms,     row->died_ms,
                               (int64_t)row->was, (int64_t)row->sequence};
    const struct span spans[] = {row->model, row->record, row->reason, row->request, row->import};
    int at = 1;
    int rc = SQLITE_OK;

    for (int i = 0; i < ROW_FIRST_SPAN && rc == SQLITE_OK; i++, at++)
        if (i < ROW_NUMBERS || numbers[i]) /* a parameter that is not bound is NULL */
            rc = sqlite3_bind_int64(statement, at, numbers[i]);
    for (int i = 0; i < ROW_SPANS && rc == SQLITE_OK; i++, at++)
        rc = sqlite_row_bind_span(statement, at, spans[i]);
    return rc;
}
