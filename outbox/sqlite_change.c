/* SPDX-License-Identifier: MIT */
/*
 * The store in an SQLite file: what changes in it.
 *
 * Each change is one statement or a few. When one of them fails, the earlier ones stand, and SQLite
 * may have rolled everything back or not: the transaction is then spoilt, and takes nothing more.
 */
#include "outbox/sqlite_store.h"

#include <errno.h>

#include "base/error.h"

enum {
    ROW_BYTES = 512,                /* what an event takes besides its texts, at most */
    BOUND_BODY_BYTES = 1024 * 1024, /* of a larger body SQLite shall make no copy in memory */
    BODY_PIECE_BYTES = 256 * 1024,
};

static int bind_number(sqlite3_stmt *statement, int at, int64_t value)
{
    return sqlite3_bind_int64(statement, at, value);
}

static int bind_span(sqlite3_stmt *statement, int at, struct span span)
{
    if (!span.at)
        return sqlite3_bind_null(statement, at);
    return sqlite3_bind_blob64(statement, at, span.at, span.len, SQLITE_STATIC);
}

/* Where an event stands now. STORE_MISSING: nowhere. */
static int sqlite_change_find(struct sqlite_store *self, uint64_t id, int *state, bool *stale)
{
    sqlite3_stmt *find = self->statements[STMT_FIND];
    int r = sqlite_store_take(self);

    if (r)
        return r;
    int rc = bind_number(find, 1, (int64_t)id);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(find);
    if (rc == SQLITE_ROW) {
        *state = sqlite3_column_int(find, 0);
        *stale = sqlite3_column_int(find, 1) != 0;
    }
    (void)sqlite3_reset(find);
    return rc == SQLITE_DONE ? STORE_MISSING : sqlite_store_unread(self, rc);
}

/* The same for a change that is for events in that state only: STORE_MISSING in any other. */
static int sqlite_change_find_in(struct sqlite_store *self, uint64_t id, enum store_state state,
                                 bool *stale)
{
    int is = STORE_PENDING;
    int r = sqlite_change_find(self, id, &is, stale);

    return !r && is != (int)state ? STORE_MISSING : r;
}

int sqlite_change_has(struct store *store, uint64_t id, bool *known)
{
    int state = STORE_PENDING;
    bool stale = false;
    int r = sqlite_change_find(sqlite_store_of(store), id, &state, &stale);

    if (r && r != STORE_MISSING)
        return r;
    *known = r == 0;
    return 0;
}

static int sqlite_change_add_event(struct sqlite_store *self, const struct store_row *row)
{
    sqlite3_stmt *add = self->statements[STMT_ADD_EVENT];
    const int64_t numbers[] = {(int64_t)row->id, row->state,    row->stale,  row->attempts,
                               row->arrived_ms,  row->tried_ms, row->died_ms};
    const struct span spans[] = {row->model, row->record, row->reason};
    int at = 1;
    int rc = SQLITE_OK;

    for (size_t i = 0; i < array_len(numbers) && rc == SQLITE_OK; i++)
        rc = bind_number(add, at++, numbers[i]);
    for (size_t i = 0; i < array_len(spans) && rc == SQLITE_OK; i++)
        rc = bind_span(add, at++, spans[i]);
    return rc == SQLITE_OK ? sqlite_store_run(self, STMT_ADD_EVENT) : rc;
}

/* Fills a body of zeroes; the pages that those took are written over, not written twice. */
static int sqlite_change_fill_body(struct sqlite_store *self, const struct store_row *row)
{
    sqlite3_blob *blob = NULL;
    int rc = sqlite3_blob_open(self->db, "main", "body", "bytes", (int64_t)row->id, 1, &blob);

    for (size_t at = 0; rc == SQLITE_OK && at < row->body.len; at += BODY_PIECE_BYTES) {
        size_t left = row->body.len - at;
        int len = (int)(left < BODY_PIECE_BYTES ? left : BODY_PIECE_BYTES);
        rc = sqlite3_blob_write(blob, row->body.at + at, len, (int)at);
    }
    int closed = sqlite3_blob_close(blob);
    return rc == SQLITE_OK ? closed : rc;
}

static int sqlite_change_add_body(struct sqlite_store *self, const struct store_row *row)
{
    sqlite3_stmt *add = self->statements[STMT_ADD_BODY];
    bool large = row->body.len > BOUND_BODY_BYTES;
    int rc = bind_number(add, 1, (int64_t)row->id);

    if (rc == SQLITE_OK)
        rc = large ? sqlite3_bind_zeroblob64(add, 2, row->body.len)
                   : bind_span(add, 2, row->body.at ? row->body : SPAN(""));
    if (rc == SQLITE_OK)
        rc = sqlite_store_run(self, STMT_ADD_BODY);
    return rc == SQLITE_OK && large ? sqlite_change_fill_body(self, row) : rc;
}

int sqlite_change_append(struct store *store, const struct store_row *row)
{
    struct sqlite_store *self = sqlite_store_of(store);
    size_t bytes = ROW_BYTES + row->body.len + row->model.len + row->record.len + row->reason.len;

    if (row->id >= SQLITE_NUMBERS_END || row->state > STORE_DEAD)
        return self->spoilt = error_origin(-EINVAL);
    int r = sqlite_store_take(self);
    if (!r)
        r = sqlite_room_take(self, (int64_t)bytes);
    if (r)
        return r;
    int rc = sqlite_change_add_event(self, row);
    if (rc == SQLITE_OK)
        rc = sqlite_change_add_body(self, row);
    if ((rc & 0xff) == SQLITE_CONSTRAINT)
        return self->spoilt = error_origin(-EEXIST);
    r = sqlite_store_spoil(self, rc);
    if (r)
        return r;
    self->change.accepted++;
    *(row->state == STORE_DEAD ? &self->change.dead : &self->change.pending) += 1;
    if (self->change.last_id < (int64_t)row->id)
        self->change.last_id = (int64_t)row->id;
    return 0;
}

int sqlite_change_overtaken(struct store *store, uint64_t id, struct span model, struct span record)
{
    struct sqlite_store *self = sqlite_store_of(store);
    sqlite3_stmt *overtake = self->statements[STMT_OVERTAKE];
    int r = sqlite_store_take(self);

    if (r || !record.at)
        return r;
    int rc = bind_number(overtake, 1, (int64_t)id);
    if (rc == SQLITE_OK)
        rc = bind_span(overtake, 2, model);
    if (rc == SQLITE_OK)
        rc = bind_span(overtake, 3, record);
    if (rc == SQLITE_OK)
        rc = sqlite_store_run(self, STMT_OVERTAKE);
    return sqlite_store_spoil(self, rc);
}

/* Runs a change that takes nothing but an id. */
static int sqlite_change_with_id(struct sqlite_store *self, enum sqlite_statement which,
                                 uint64_t id)
{
    int rc = bind_number(self->statements[which], 1, (int64_t)id);

    if (rc == SQLITE_OK)
        rc = sqlite_store_run(self, which);
    return sqlite_store_spoil(self, rc);
}

/* An event goes, with its body. */
static int sqlite_change_drop(struct sqlite_store *self, uint64_t id)
{
    int r = sqlite_change_with_id(self, STMT_DROP_EVENT, id);

    return r ? r : sqlite_change_with_id(self, STMT_DROP_BODY, id);
}

int sqlite_change_delivered(struct store *store, uint64_t id)
{
    struct sqlite_store *self = sqlite_store_of(store);
    bool stale = false;
    int r = sqlite_change_find_in(self, id, STORE_PENDING, &stale);

    if (!r)
        r = sqlite_change_with_id(self, STMT_OVERTAKE_SAME, id);
    if (!r)
        r = sqlite_change_drop(self, id);
    if (r)
        return r;
    self->change.pending--;
    self->change.delivered++;
    return 0;
}

int sqlite_change_count_delivered(struct store *store, struct span model, uint64_t n)
{
    (void)model;
    struct sqlite_store *self = sqlite_store_of(store);
    int r = sqlite_store_take(self);

    if (r)
        return r;
    self->change.accepted += (int64_t)n;
    self->change.delivered += (int64_t)n;
    return 0;
}

/* What an attempt leaves behind, in a statement that takes it as its first four. */
static int sqlite_change_bind_attempt(sqlite3_stmt *statement, const struct store_row *row)
{
    int rc = bind_number(statement, 1, (int64_t)row->id);

    if (rc == SQLITE_OK)
        rc = bind_number(statement, 2, row->attempts);
    if (rc == SQLITE_OK)
        rc = bind_number(statement, 3, row->tried_ms);
    if (rc == SQLITE_OK)
        rc = bind_span(statement, 4, row->reason);
    return rc;
}

/* Runs an update that reaches its row by id, and only in the right state. */
static int sqlite_change_update(struct sqlite_store *self, enum sqlite_statement which, int rc)
{
    int r = sqlite_store_take(self);

    if (r)
        return r;
    if (rc == SQLITE_OK)
        rc = sqlite_store_run(self, which);
    r = sqlite_store_spoil(self, rc);
    if (r)
        return r;
    return sqlite3_changes(self->db) > 0 ? 0 : STORE_MISSING;
}

int sqlite_change_postpone(struct store *store, const struct store_row *row)
{
    struct sqlite_store *self = sqlite_store_of(store);

    return sqlite_change_update(self, STMT_SET_TRIED,
                                sqlite_change_bind_attempt(self->statements[STMT_SET_TRIED], row));
}

int sqlite_change_bury(struct store *store, const struct store_row *row)
{
    struct sqlite_store *self = sqlite_store_of(store);
    sqlite3_stmt *bury = self->statements[STMT_SET_DEAD];
    int rc = sqlite_change_bind_attempt(bury, row);

    if (rc == SQLITE_OK)
        rc = bind_number(bury, 5, row->died_ms);
    if (rc == SQLITE_OK)
        rc = bind_number(bury, 6, row->stale);
    int r = sqlite_change_update(self, STMT_SET_DEAD, rc);
    if (r)
        return r;
    self->change.pending--;
    self->change.dead++;
    return 0;
}

int sqlite_change_bury_model(struct store *store, const struct store_row *row, uint64_t rows_max,
                             store_row_fn fn, void *ctx)
{
    struct sqlite_store *self = sqlite_store_of(store);
    sqlite3_stmt *bury = self->statements[STMT_SET_MODEL_DEAD];
    int64_t buried = 0;
    int r = sqlite_store_take(self);

    if (r)
        return r;
    int rc = bind_span(bury, 1, row->model);
    if (rc == SQLITE_OK)
        rc = bind_number(bury, 2, (int64_t)rows_max);
    if (rc == SQLITE_OK)
        rc = bind_number(bury, 3, row->died_ms);
    if (rc == SQLITE_OK)
        rc = bind_span(bury, 4, row->reason);
    /* The first step changes all of them; then they come one by one. */
    while (rc == SQLITE_OK && (rc = sqlite3_step(bury)) == SQLITE_ROW) {
        const struct store_row dead = sqlite_row(bury);
        (void)fn(ctx, &dead);
        buried++;
        rc = SQLITE_OK;
    }
    (void)sqlite3_reset(bury);
    (void)sqlite3_clear_bindings(bury);
    r = sqlite_store_spoil(self, rc);
    if (r)
        return r;
    self->change.pending -= buried;
    self->change.dead += buried;
    return 0;
}

static int sqlite_change_set_state(struct sqlite_store *self, uint64_t id, enum store_state state)
{
    sqlite3_stmt *set = self->statements[STMT_SET_STATE];
    int rc = bind_number(set, 1, (int64_t)id);

    if (rc == SQLITE_OK)
        rc = bind_number(set, 2, state);
    return sqlite_change_update(self, STMT_SET_STATE, rc);
}

int sqlite_change_offer(struct store *store, uint64_t id, bool force)
{
    struct sqlite_store *self = sqlite_store_of(store);
    bool stale = false;
    int r = sqlite_change_find_in(self, id, STORE_DEAD, &stale);

    if (!r && stale && !force)
        r = STORE_STALE;
    if (!r)
        r = sqlite_change_set_state(self, id, force ? STORE_FORCED : STORE_OFFERED);
    if (r)
        return r;
    self->change.dead--;
    self->change.pending++;
    return 0;
}

/* Gives up a replay: a newer event has been delivered since it was asked for. */
static int sqlite_change_stay_dead(struct sqlite_store *self, uint64_t id)
{
    int r = sqlite_change_set_state(self, id, STORE_DEAD);

    if (r)
        return r;
    self->change.pending--;
    self->change.dead++;
    return STORE_STALE;
}

static int sqlite_change_set_pending(struct sqlite_store *self, enum sqlite_statement which,
                                     uint64_t id, uint64_t new_id)
{
    sqlite3_stmt *set = self->statements[which];
    int rc = bind_number(set, 1, (int64_t)id);

    if (rc == SQLITE_OK)
        rc = bind_number(set, 2, (int64_t)new_id);
    return sqlite_change_update(self, which, rc);
}

int sqlite_change_resume(struct store *store, uint64_t id, uint64_t new_id)
{
    struct sqlite_store *self = sqlite_store_of(store);
    int state = STORE_PENDING;
    bool stale = false;
    int r = sqlite_change_find(self, id, &state, &stale);

    if (r)
        return r;
    if (state < STORE_OFFERED)
        return STORE_MISSING;
    if (state == STORE_OFFERED && stale)
        return sqlite_change_stay_dead(self, id);
    r = sqlite_change_set_pending(self, STMT_SET_PENDING, id, new_id);
    if (!r && new_id != id)
        r = sqlite_change_set_pending(self, STMT_MOVE_BODY, id, new_id);
    if (!r && self->change.last_id < (int64_t)new_id)
        self->change.last_id = (int64_t)new_id;
    return r;
}

int sqlite_change_discard(struct store *store, uint64_t id)
{
    struct sqlite_store *self = sqlite_store_of(store);
    bool stale = false;
    int r = sqlite_change_find_in(self, id, STORE_DEAD, &stale);

    if (!r)
        r = sqlite_change_drop(self, id);
    if (r)
        return r;
    self->change.dead--;
    self->change.discarded++;
    return 0;
}
