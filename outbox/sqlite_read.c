/* SPDX-License-Identifier: MIT */
/* Readings of the SQLite file. */
#include "outbox/sqlite_read.h"

#include <sys/stat.h>

#include "outbox/sqlite_lane.h"
#include "outbox/sqlite_row.h"
#include "outbox/sqlite_tally.h"
#include "outbox/sqlite_transact.h"
#include "outbox/sqlite_wal.h"

/* ---- Rows ---- */

/* Whether memory was short: a blob looks like NULL then, or like an empty one. */
static bool sqlite_read_is_short(const struct sqlite_core *self)
{
    return sqlite3_errcode(self->db) == SQLITE_NOMEM;
}

static int sqlite_read_give(struct sqlite_core *self, struct store_row *row, bool bare,
                            store_row_fn fn, void *ctx)
{
    sqlite3_stmt *body = self->statements[STMT_BODY];

    if (bare)
        return fn(ctx, row);
    int rc = sqlite3_bind_int64(body, 1, sqlite_lane_body(row->id));
    if (rc == SQLITE_OK)
        rc = sqlite3_step(body);
    if (rc == SQLITE_DONE)
        rc = SQLITE_CORRUPT; /* each event has a body */
    int r = sqlite_core_spoil_read(self, rc);
    if (!r) {
        row->body = sqlite_row_span(body, 0);
        r = sqlite_read_is_short(self) ? sqlite_core_spoil_read(self, SQLITE_NOMEM) : fn(ctx, row);
    }
    (void)sqlite3_reset(body);
    return r;
}

/* The statement for a filter: the one whose index leads straight to the rows. */
static enum sqlite_statement sqlite_read_statement(const struct store_filter *filter)
{
    bool one_state = filter->first == filter->last;

    if (!filter->model.at && filter->first > STORE_PENDING)
        return one_state ? STMT_READ_STATE : STMT_READ_APART;
    if (!filter->model.at)
        return STMT_READ_ALL;
    if (one_state && filter->first == STORE_PENDING)
        return STMT_READ_PENDING;
    if (one_state && filter->first == STORE_DEAD)
        return STMT_READ_LETTERS;
    return filter->first > STORE_DEAD ? STMT_READ_OFFERS : STMT_READ_MODEL;
}

static int sqlite_read_bind_filter(sqlite3_stmt *statement, const struct store_filter *filter)
{
    const struct sqlite_value values[] = {
        SQLITE_NUMBER(filter->after),
        SQLITE_NUMBER(filter->upto ? filter->upto : INT64_MAX),
        SQLITE_NUMBER(filter->rows_max ? (int64_t)filter->rows_max : -1),
        SQLITE_NUMBER(filter->first),
        SQLITE_NUMBER(filter->last),
        SQLITE_BYTES(filter->model),
    };

    /* Statements for any model have no sixth parameter. */
    return sqlite_core_bind(statement, values, array_len(values) - !filter->model.at);
}

int sqlite_read_rows(struct store *store, const struct store_filter *filter, store_row_fn fn,
                     void *ctx)
{
    struct sqlite_core *self = sqlite_core_of(store);
    sqlite3_stmt *statement = self->statements[sqlite_read_statement(filter)];
    int rc = sqlite_read_bind_filter(statement, filter);
    int r = 0;

    while (!r && rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        struct store_row row = sqlite_row(statement);
        rc = sqlite_read_is_short(self) ? SQLITE_NOMEM : SQLITE_OK;
        if (rc == SQLITE_OK)
            r = sqlite_read_give(self, &row, filter->bare, fn, ctx);
    }
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return r ? r : sqlite_core_spoil_read(self, rc);
}

int sqlite_read_next_offered_model(struct store *store, struct span after, struct buf *model)
{
    struct sqlite_core *self = sqlite_core_of(store);
    sqlite3_stmt *next = self->statements[STMT_NEXT_OFFERED];
    int rc = after.at ? sqlite3_bind_blob64(next, 1, after.at, after.len, SQLITE_STATIC)
                      : sqlite3_bind_int64(next, 1, 0); /* every blob comes after every number */

    if (rc == SQLITE_OK)
        rc = sqlite3_step(next);
    int r = rc == SQLITE_DONE ? STORE_MISSING : sqlite_core_spoil_read(self, rc);
    if (!r)
        r = buf_append_span(model, sqlite_row_span(next, 0));
    (void)sqlite3_reset(next);
    (void)sqlite3_clear_bindings(next);
    return r;
}

/* ---- Numbers ---- */

static int64_t sqlite_read_file_bytes(const char *path, const char *suffix)
{
    cleanup(buf_done) struct buf name = BUF_NULL;
    struct stat st;

    if (buf_printf(&name, "%s%s", path, suffix) || !buf_string(&name))
        return 0;
    return stat(name.at, &st) == 0 ? (int64_t)st.st_size : 0;
}

static int sqlite_read_add_tally(void *counts, struct span model, const struct store_tally *tally)
{
    (void)model;
    store_counts_add(counts, tally);
    return 0;
}

int sqlite_read_counts(struct store *store, struct store_counts *out)
{
    struct sqlite_core *self = sqlite_core_of(store);
    struct store_counts counts = {0};
    int r = sqlite_tally_read(store, sqlite_read_add_tally, &counts);

    if (!r)
        r = sqlite_core_spoil_read(self, sqlite_core_number(self, STMT_OLDEST, &counts.oldest_ms));
    if (r)
        return r;
    counts.spoilt = self->rows_spoilt;
    counts.pinned_bytes = sqlite_wal_pinned_bytes(self);
    counts.bytes =
        sqlite_read_file_bytes(self->path, "") + sqlite_read_file_bytes(self->path, "-wal");
    *out = counts;
    return 0;
}

int sqlite_read_id_mark(struct store *store, uint64_t *id)
{
    struct sqlite_core *self = sqlite_core_of(store);
    int64_t mark;
    int r = sqlite_core_spoil_read(self, sqlite_core_number(self, STMT_ID_MARK, &mark));

    if (!r)
        *id = (uint64_t)mark;
    return r;
}

int sqlite_read_changed(struct store *store, bool *changed)
{
    struct sqlite_core *self = sqlite_core_of(store);
    int64_t version;
    int r = sqlite_transact_find(self);

    if (!r)
        r = sqlite_core_spoil_read(self, sqlite_core_number(self, STMT_DATA_VERSION, &version));
    if (r)
        return r;
    int64_t pinned_frames = self->pinned_frames;
    if (pinned_frames > 0) /* the reader that pins them may have gone */
        sqlite_wal_fold(self);
    *changed = version != self->data_version || pinned_frames != self->pinned_frames;
    self->data_version = version;
    return 0;
}
