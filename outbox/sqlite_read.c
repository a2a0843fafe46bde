/* SPDX-License-Identifier: MIT */
/* The store in an SQLite file: what is in it. */
#include "outbox/sqlite_store.h"

#include <sys/stat.h>

/* ---- Rows ---- */

struct span sqlite_span(sqlite3_stmt *statement, int column)
{
    if (sqlite3_column_type(statement, column) == SQLITE_NULL)
        return SPAN_NULL;
    /* An empty blob comes as NULL. */
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
        .tried_ms = sqlite3_column_int64(statement, 5),
        .died_ms = sqlite3_column_int64(statement, 6),
        .model = sqlite_span(statement, 7),
        .record = sqlite_span(statement, 8),
        .reason = sqlite_span(statement, 9),
    };
}

/* A blob that SQLite could not bring into memory looks like NULL, or an empty one. */
static bool sqlite_read_is_short(const struct sqlite_store *self)
{
    return sqlite3_errcode(self->db) == SQLITE_NOMEM;
}

static int sqlite_store_give(struct sqlite_store *self, struct store_row *row, bool bare,
                             store_row_fn fn, void *ctx)
{
    sqlite3_stmt *body = self->statements[STMT_BODY];

    if (bare)
        return fn(ctx, row);
    int rc = sqlite3_bind_int64(body, 1, (int64_t)row->id);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(body);
    if (rc == SQLITE_DONE)
        rc = SQLITE_CORRUPT; /* each event has one */
    int r = sqlite_store_unread(self, rc);
    if (!r) {
        row->body = sqlite_span(body, 0);
        r = sqlite_read_is_short(self) ? sqlite_store_unread(self, SQLITE_NOMEM) : fn(ctx, row);
    }
    (void)sqlite3_reset(body);
    return r;
}

/* Chooses the statement whose index leads straight to the rows, and binds the filter to it. */
static sqlite3_stmt *sqlite_store_bind_filter(struct sqlite_store *self,
                                              const struct store_filter *filter, int *rc)
{
    bool one_state = filter->first == filter->last;
    enum sqlite_statement which = STMT_READ_ALL;
    if (filter->model.at)
        which = one_state && filter->first == STORE_PENDING ? STMT_READ_PENDING : STMT_READ_MODEL;
    else if (filter->first > STORE_PENDING)
        which = one_state ? STMT_READ_STATE : STMT_READ_APART;

    sqlite3_stmt *statement = self->statements[which];
    int64_t rows_max = filter->rows_max ? (int64_t)filter->rows_max : -1;
    *rc = sqlite3_bind_int64(statement, 1, (int64_t)filter->after);
    if (*rc == SQLITE_OK)
        *rc = sqlite3_bind_int64(statement, 2, rows_max);
    if (*rc == SQLITE_OK && which != STMT_READ_PENDING)
        *rc = sqlite3_bind_int64(statement, 3, filter->first);
    if (*rc == SQLITE_OK && which != STMT_READ_PENDING)
        *rc = sqlite3_bind_int64(statement, 4, filter->last);
    if (*rc == SQLITE_OK && filter->model.at)
        *rc = sqlite3_bind_blob64(statement, 5, filter->model.at, filter->model.len, SQLITE_STATIC);
    return statement;
}

int sqlite_store_read(struct store *store, const struct store_filter *filter, store_row_fn fn,
                      void *ctx)
{
    struct sqlite_store *self = sqlite_store_of(store);
    int rc;
    sqlite3_stmt *statement = sqlite_store_bind_filter(self, filter, &rc);
    int r = 0;

    while (!r && rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        struct store_row row = sqlite_row(statement);
        rc = sqlite_read_is_short(self) ? SQLITE_NOMEM : SQLITE_OK;
        if (rc == SQLITE_OK)
            r = sqlite_store_give(self, &row, filter->bare, fn, ctx);
    }
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return r ? r : sqlite_store_unread(self, rc);
}

int sqlite_store_next_model(struct store *store, struct span after, struct buf *model)
{
    struct sqlite_store *self = sqlite_store_of(store);
    sqlite3_stmt *next = self->statements[STMT_NEXT_MODEL];
    int rc = after.at ? sqlite3_bind_blob64(next, 1, after.at, after.len, SQLITE_STATIC)
                      : sqlite3_bind_int64(next, 1, 0); /* every blob comes after every number */

    if (rc == SQLITE_OK)
        rc = sqlite3_step(next);
    int r = rc == SQLITE_DONE ? STORE_MISSING : sqlite_store_unread(self, rc);
    if (!r)
        r = buf_append_span(model, sqlite_span(next, 0));
    (void)sqlite3_reset(next);
    (void)sqlite3_clear_bindings(next);
    return r;
}

/* ---- Numbers ---- */

static int64_t sqlite_file_bytes(const char *path, const char *suffix)
{
    cleanup(buf_done) struct buf name = BUF_NULL;
    struct stat st;

    if (buf_printf(&name, "%s%s", path, suffix) || !buf_string(&name))
        return 0;
    return stat(name.at, &st) == 0 ? (int64_t)st.st_size : 0;
}

int sqlite_store_counts(struct store *store, struct store_counts *out)
{
    struct sqlite_store *self = sqlite_store_of(store);
    sqlite3_stmt *tally = self->statements[STMT_TALLY];
    struct store_counts counts = {0};

    if (!sqlite3_get_autocommit(self->db)) { /* inside a transaction they tell of it, too */
        int r = sqlite_store_flush_tally(self);
        if (r)
            return r;
    }
    int rc = sqlite3_step(tally);
    if (rc == SQLITE_ROW) {
        counts.accepted = (uint64_t)sqlite3_column_int64(tally, 0);
        counts.delivered = (uint64_t)sqlite3_column_int64(tally, 1);
        counts.discarded = (uint64_t)sqlite3_column_int64(tally, 2);
        counts.pending = (uint64_t)sqlite3_column_int64(tally, 3);
        counts.dead = (uint64_t)sqlite3_column_int64(tally, 4);
        rc = SQLITE_OK;
    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_CORRUPT;
    }
    (void)sqlite3_reset(tally);
    if (rc == SQLITE_OK)
        rc = sqlite_store_number(self, STMT_OLDEST, &counts.oldest_ms);
    int r = sqlite_store_unread(self, rc);
    if (r)
        return r;
    counts.spoilt = self->rows_spoilt;
    counts.pinned_bytes = sqlite_room_pinned_bytes(self);
    counts.bytes = sqlite_file_bytes(self->path, "") + sqlite_file_bytes(self->path, "-wal");
    *out = counts;
    return 0;
}

static int sqlite_store_count_of(struct sqlite_store *self, enum sqlite_statement which,
                                 struct span model, uint64_t *n)
{
    sqlite3_stmt *statement = self->statements[which];
    int64_t count = 0;
    int rc = sqlite3_bind_blob64(statement, 1, model.at, model.len, SQLITE_STATIC);

    if (rc == SQLITE_OK)
        rc = sqlite_store_number(self, which, &count);
    (void)sqlite3_clear_bindings(statement);
    *n = (uint64_t)count;
    return sqlite_store_unread(self, rc);
}

static int sqlite_store_rows_of_all(struct sqlite_store *self, struct store_rows *rows)
{
    struct store_counts counts;
    int64_t apart = 0;
    int r = sqlite_store_unread(self, sqlite_store_number(self, STMT_APART, &apart));

    if (!r)
        r = sqlite_store_counts(&self->store, &counts);
    if (!r)
        *rows = (struct store_rows){
            .pending = counts.pending + counts.dead - (uint64_t)apart,
            .dead = (uint64_t)apart,
        };
    return r;
}

int sqlite_store_rows(struct store *store, struct span model, struct store_rows *out)
{
    struct sqlite_store *self = sqlite_store_of(store);
    struct store_rows rows = {0};

    if (!model.at)
        return sqlite_store_rows_of_all(self, out);
    int r = sqlite_store_count_of(self, STMT_PENDING_OF, model, &rows.pending);
    if (!r)
        r = sqlite_store_count_of(self, STMT_APART_OF, model, &rows.dead);
    if (!r)
        *out = rows;
    return r;
}

int sqlite_store_last_id(struct store *store, uint64_t *id)
{
    struct sqlite_store *self = sqlite_store_of(store);
    int64_t last_id;
    int r = sqlite_store_unread(self, sqlite_store_number(self, STMT_LAST_ID, &last_id));

    if (!r)
        *id = (uint64_t)last_id;
    return r;
}

int sqlite_store_changed(struct store *store, bool *changed)
{
    struct sqlite_store *self = sqlite_store_of(store);
    int64_t version;
    int r = sqlite_store_find(self);

    if (!r)
        r = sqlite_store_unread(self, sqlite_store_number(self, STMT_DATA_VERSION, &version));
    if (r)
        return r;
    int64_t log_frames = self->log_frames;
    if (log_frames > 0) /* whoever has kept them may have gone */
        sqlite_room_fold(self);
    *changed = version != self->data_version || log_frames != self->log_frames;
    self->data_version = version;
    return 0;
}
