/* SPDX-License-Identifier: MIT */
/*
 * Changes of the SQLite file.
 *
 * A change is one statement or a few. If one of these fails, the earlier ones stand, or SQLite has
 * rolled back the whole transaction. So a failure spoils the transaction, which then admits no more
 * changes.
 */
#include "outbox/sqlite_change.h"

#include <errno.h>

#include "base/error.h"
#include "outbox/sqlite_lane.h"
#include "outbox/sqlite_room.h"
#include "outbox/sqlite_row.h"
#include "outbox/sqlite_tally.h"

enum {
    ROW_BYTES = 512,                /* what an event takes on disk besides its texts, at most */
    BOUND_BODY_BYTES = 1024 * 1024, /* a larger body is written by pieces, not copied by SQLite */
    BODY_PIECE_BYTES = 256 * 1024,
};

/* Runs a statement of the transaction at hand, which a failure spoils. */
#define CHANGE(self, which, ...) sqlite_core_spoil(self, SQLITE_RUN(self, which, __VA_ARGS__))
#define NUMBER SQLITE_NUMBER
#define BYTES SQLITE_BYTES

/* ---- Finding an event, and counting it ---- */

struct found {
    int state;
    bool stale;
    struct sqlite_sums *sums; /* of the event's model */
};

/* Finds the row of an event. 0, STORE_MISSING, or a failure of the store's. */
static int sqlite_change_find(struct sqlite_core *self, uint64_t id, struct found *found)
{
    sqlite3_stmt *find = self->statements[STMT_FIND];
    int r = sqlite_core_admit(self);

    if (r)
        return r;
    *found = (struct found){.sums = &self->tallies.at[0].change}; /* until its model is known */
    int rc = sqlite3_bind_int64(find, 1, (int64_t)id);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(find);
    if (rc == SQLITE_ROW) {
        struct span model = sqlite_row_span(find, 2);
        *found = (struct found){sqlite3_column_int(find, 0), sqlite3_column_int(find, 1) != 0,
                                sqlite_tally_of(self, model)};
        if (sqlite3_errcode(self->db) == SQLITE_NOMEM) /* then the model looks like NULL */
            rc = SQLITE_NOMEM;
    }
    (void)sqlite3_reset(find);
    return rc == SQLITE_DONE ? STORE_MISSING : sqlite_core_spoil_read(self, rc);
}

/* The same for a letter, and below for an offer: STORE_MISSING where the row is in another state.
 */
static int sqlite_change_find_letter(struct sqlite_core *self, uint64_t id, struct found *found)
{
    int r = sqlite_change_find(self, id, found);

    return !r && found->state != STORE_DEAD ? STORE_MISSING : r;
}

static int sqlite_change_find_offer(struct sqlite_core *self, uint64_t id, struct found *found)
{
    int r = sqlite_change_find(self, id, found);

    return !r && found->state < STORE_OFFERED ? STORE_MISSING : r;
}

int sqlite_change_has(struct store *store, uint64_t id, bool *known)
{
    struct found found;
    int r = sqlite_change_find(sqlite_core_of(store), id, &found);

    if (r && r != STORE_MISSING)
        return r;
    *known = r == 0;
    return 0;
}

/* The term in which an event of that state counts. */
static int64_t *sqlite_change_term(struct sqlite_sums *sums, int state)
{
    return state == STORE_DEAD ? &sums->dead : &sums->pending;
}

/* Counts an event that was found as moved to another state. Returns 0. */
static int sqlite_change_count(const struct found *found, enum store_state state)
{
    *sqlite_change_term(found->sums, found->state) -= 1;
    *sqlite_change_term(found->sums, state) += 1;
    return 0;
}

/* ---- Arrivals ---- */

static int sqlite_change_add_event(struct sqlite_core *self, const struct store_row *row)
{
    sqlite3_stmt *add = self->statements[STMT_ADD_EVENT];
    int rc = sqlite_row_bind(add, row);

    if (rc == SQLITE_OK && row->state != STORE_PENDING && row->record.at)
        rc = sqlite3_bind_int64(add, sqlite3_bind_parameter_count(add),
                                sqlite_lane_of(row->model, row->record));
    return rc == SQLITE_OK ? sqlite_core_run(self, STMT_ADD_EVENT, NULL, 0) : rc;
}

/* Fills a body that was inserted as zeroes. Its pages are still in SQLite's memory then, so each is
 * written to the disk once. */
static int sqlite_change_fill_body(struct sqlite_core *self, const struct store_row *row)
{
    sqlite3_blob *blob = NULL;
    int rc =
        sqlite3_blob_open(self->db, "main", "body", "bytes", sqlite_lane_body(row->id), 1, &blob);

    for (size_t at = 0; rc == SQLITE_OK && at < row->body.len; at += BODY_PIECE_BYTES) {
        size_t left = row->body.len - at;
        int len = (int)(left < BODY_PIECE_BYTES ? left : BODY_PIECE_BYTES);
        rc = sqlite3_blob_write(blob, row->body.at + at, len, (int)at);
    }
    int closed = sqlite3_blob_close(blob);
    return rc == SQLITE_OK ? closed : rc;
}

static int sqlite_change_add_body(struct sqlite_core *self, const struct store_row *row)
{
    sqlite3_stmt *add = self->statements[STMT_ADD_BODY];
    struct span body = row->body.at ? row->body : SPAN("");

    if (body.len <= BOUND_BODY_BYTES)
        return SQLITE_RUN(self, STMT_ADD_BODY, NUMBER(sqlite_lane_body(row->id)), BYTES(body));
    int rc = sqlite3_bind_zeroblob64(add, 2, body.len);
    if (rc == SQLITE_OK)
        rc = SQLITE_RUN(self, STMT_ADD_BODY, NUMBER(sqlite_lane_body(row->id)));
    return rc == SQLITE_OK ? sqlite_change_fill_body(self, row) : rc;
}

static void sqlite_change_use(struct sqlite_core *self, uint64_t id)
{
    if (self->used_id < (int64_t)id)
        self->used_id = (int64_t)id;
}

int sqlite_change_append(struct store *store, struct store_row *row)
{
    struct sqlite_core *self = sqlite_core_of(store);
    size_t bytes = ROW_BYTES + row->body.len + row->model.len + row->record.len + row->reason.len;

    if (row->id >= SQLITE_NUMBERS_END || row->state > STORE_DEAD)
        return self->spoilt = error_origin(-EINVAL);
    int r = sqlite_core_admit(self);
    if (!r)
        r = sqlite_room_take(self, (int64_t)bytes);
    if (r)
        return r;
    int rc = sqlite_change_add_event(self, row);
    if (rc == SQLITE_OK)
        rc = sqlite_change_add_body(self, row);
    if ((rc & 0xff) == SQLITE_CONSTRAINT)
        return self->spoilt = error_origin(-EEXIST);
    r = sqlite_core_spoil(self, rc);
    if (r)
        return r;
    struct sqlite_sums *sums = sqlite_tally_of(self, row->model);
    *sqlite_change_term(sums, row->state) += 1;
    sums->buried += row->state == STORE_DEAD;
    sqlite_change_use(self, row->id);
    return 0;
}

/* ---- Ends ---- */

int sqlite_change_mark_stale(struct store *store, uint64_t id, struct span model,
                             struct span record)
{
    struct sqlite_core *self = sqlite_core_of(store);
    int r = sqlite_core_admit(self);

    if (r || !record.at)
        return r;
    return CHANGE(self, STMT_MARK_STALE, NUMBER(id), NUMBER(sqlite_lane_of(model, record)),
                  BYTES(model), BYTES(record));
}

/* Deletes an event and its body. */
static int sqlite_change_drop(struct sqlite_core *self, uint64_t id)
{
    int r = CHANGE(self, STMT_DROP_EVENT, NUMBER(id));

    return r ? r : CHANGE(self, STMT_DROP_BODY, NUMBER(sqlite_lane_body(id)));
}

int sqlite_change_deliver(struct store *store, const struct store_row *row, bool unstored)
{
    struct sqlite_core *self = sqlite_core_of(store);
    struct found found;
    int r = sqlite_change_find(self, row->id, &found);
    bool missing = r == STORE_MISSING;

    if (missing)
        r = 0;
    else if (!r)
        r = sqlite_change_drop(self, row->id);
    if (!r)
        r = sqlite_change_mark_stale(store, row->id, row->model, row->record);
    if (r)
        return r;
    if (missing && !unstored)
        return STORE_MISSING;
    if (!missing)
        *sqlite_change_term(found.sums, found.state) -= 1;
    (missing ? sqlite_tally_of(self, row->model) : found.sums)->delivered++;
    return 0;
}

int sqlite_change_count_delivered(struct store *store, struct span model, uint64_t n)
{
    struct sqlite_core *self = sqlite_core_of(store);
    int r = sqlite_core_admit(self);

    if (!r)
        sqlite_tally_of(self, model)->delivered += (int64_t)n;
    return r;
}

int sqlite_change_note_failure(struct store *store, const struct store_row *row)
{
    struct sqlite_core *self = sqlite_core_of(store);
    int r = sqlite_core_admit(self);

    if (!r)
        r = CHANGE(self, STMT_NOTE_FAILURE, NUMBER(row->id), NUMBER(row->attempts),
                   NUMBER(row->tried_ms), BYTES(row->reason));
    if (r)
        return r;
    return sqlite3_changes(self->db) > 0 ? 0 : STORE_MISSING;
}

static int sqlite_change_append_letter(struct store *store, const struct store_row *row)
{
    struct store_row letter = *row;

    letter.state = STORE_DEAD;
    return sqlite_change_append(store, &letter);
}

int sqlite_change_bury(struct store *store, const struct store_row *row)
{
    struct sqlite_core *self = sqlite_core_of(store);
    struct found found;
    int r = sqlite_change_find(self, row->id, &found);

    if (r == STORE_MISSING)
        return sqlite_change_append_letter(store, row);
    if (!r)
        r = CHANGE(self, STMT_SET_DEAD, NUMBER(row->id), NUMBER(row->attempts),
                   NUMBER(row->tried_ms), BYTES(row->reason), NUMBER(row->died_ms),
                   NUMBER(row->stale));
    if (r)
        return r;
    found.sums->buried += found.state != STORE_DEAD;
    return sqlite_change_count(&found, STORE_DEAD);
}

int sqlite_change_discard(struct store *store, uint64_t id)
{
    struct sqlite_core *self = sqlite_core_of(store);
    struct found found;
    int r = sqlite_change_find_letter(self, id, &found);

    if (!r)
        r = sqlite_change_drop(self, id);
    if (r)
        return r;
    found.sums->dead--;
    found.sums->discarded++;
    return 0;
}

/* ---- Offers ---- */

static int sqlite_change_set_state(struct sqlite_core *self, uint64_t id, const struct found *found,
                                   enum store_state state)
{
    int r = CHANGE(self, STMT_SET_STATE, NUMBER(id), NUMBER(state));

    return r ? r : sqlite_change_count(found, state);
}

int sqlite_change_offer(struct store *store, uint64_t id, bool force)
{
    struct sqlite_core *self = sqlite_core_of(store);
    struct found found;
    int r = sqlite_change_find_letter(self, id, &found);

    if (!r && found.stale && !force)
        r = STORE_STALE;
    return r ? r : sqlite_change_set_state(self, id, &found, force ? STORE_FORCED : STORE_OFFERED);
}

int sqlite_change_take_offer(struct store *store, uint64_t id, uint64_t *new_id, int64_t since_ms)
{
    struct sqlite_core *self = sqlite_core_of(store);
    struct found found;
    int r = sqlite_change_find_offer(self, id, &found);

    if (r)
        return r;
    if (found.state == STORE_OFFERED && found.stale) {
        r = sqlite_change_set_state(self, id, &found, STORE_DEAD);
        return r ? r : STORE_STALE;
    }
    r = CHANGE(self, STMT_TAKE_OFFER, NUMBER(id), NUMBER(*new_id), NUMBER(since_ms));
    if (!r && *new_id != id)
        r = CHANGE(self, STMT_MOVE_BODY, NUMBER(sqlite_lane_body(id)),
                   NUMBER(sqlite_lane_body(*new_id)));
    if (!r)
        sqlite_change_use(self, *new_id);
    return r;
}

int sqlite_change_refuse(struct store *store, uint64_t id, struct span why)
{
    struct sqlite_core *self = sqlite_core_of(store);
    struct found found;
    int r = sqlite_change_find_offer(self, id, &found);

    if (!r)
        r = CHANGE(self, STMT_REFUSE, NUMBER(id), BYTES(why));
    return r ? r : sqlite_change_count(&found, STORE_DEAD);
}

int sqlite_change_refuse_model(struct store *store, struct span model, struct span why,
                               uint64_t rows_max, uint64_t *refused)
{
    struct sqlite_core *self = sqlite_core_of(store);
    int r = sqlite_core_admit(self);

    if (!r)
        r = CHANGE(self, STMT_REFUSE_MODEL, BYTES(model), NUMBER(rows_max), BYTES(why));
    if (r)
        return r;
    int64_t rows = sqlite3_changes64(self->db);
    struct sqlite_sums *sums = sqlite_tally_of(self, model);
    sums->pending -= rows;
    sums->dead += rows;
    *refused = (uint64_t)rows;
    return 0;
}
