/* SPDX-License-Identifier: MIT */
/*
 * Salvage of a damaged SQLite file.
 *
 * A table is read by rising id. Where a damaged page is in the way, the reading starts anew behind
 * the id that came last, and again behind the next id, until it is past the page. The steps are
 * single ids at first, so that little of the next page is missed. Later they grow, so that the
 * reading comes to an end.
 *
 * A reading that fails because of the disk or for lack of memory is tried twice. A place that the
 * disk cannot read at all is lost like a damaged one, but a failure that passes must lose nothing.
 * Where nothing is wrong with the file itself, the salvage fails, and nothing is given up.
 */
#include "outbox/sqlite_salvage.h"

#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "outbox/outbox_ids.h"
#include "outbox/sqlite_backup.h"
#include "outbox/sqlite_change.h"
#include "outbox/sqlite_connect.h"
#include "outbox/sqlite_lane.h"
#include "outbox/sqlite_row.h"
#include "outbox/sqlite_tally.h"
#include "outbox/sqlite_transact.h"

enum { SINGLE_STEPS = 1 << 14, BUSY_MS = 5000 };

static const char salvage_reason[] = "The outbox file was damaged; of this event only its body is "
                                     "left, which may be older than what "
                                     "Convex has by now";

struct salvage {
    sqlite3 *from;
    sqlite3_stmt *body;   /* reads an event's body */
    bool early;           /* the file is of version 1 */
    int64_t rows_counted; /* the number of rows by the file's own counts */
    struct store *to;
    struct sqlite_saved saved;
    int hindered; /* what the salvage fails with: rows may be sound that could not be read */
};

typedef int (*salvage_fn)(struct salvage *self, sqlite3_stmt *row);

/* Whether a number can be one that damage has not hit. */
static bool salvage_is_likely(int64_t number)
{
    return number >= 0 && number < SQLITE_NUMBERS_END;
}

/* ---- Reading ---- */

/* Whether a failure is not the file's: memory or descriptors are short, or the file is locked. */
static bool salvage_is_hindered(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
    case SQLITE_CANTOPEN:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return true;
    default:
        return false;
    }
}

static bool salvage_may_pass(int rc)
{
    return (rc & 0xff) == SQLITE_IOERR || salvage_is_hindered(rc);
}

/* Notes the result of a second try, and returns it. */
static int salvage_note(struct salvage *self, int rc)
{
    if (salvage_is_hindered(rc))
        self->hindered = (rc & 0xff) == SQLITE_NOMEM ? error_origin(-ENOMEM) : STORE_BROKEN;
    return rc;
}

static int salvage_prepare(struct salvage *self, const char *sql, sqlite3_stmt **statement)
{
    int rc = sqlite3_prepare_v2(self->from, sql, -1, statement, NULL);

    if (!salvage_may_pass(rc))
        return rc;
    return salvage_note(self, sqlite3_prepare_v2(self->from, sql, -1, statement, NULL));
}

/* Steps to the next row. After a failure the statement begins anew, so that a second try that
 * succeeds gives the first row again. */
static int salvage_step(struct salvage *self, sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);

    if (!salvage_may_pass(rc))
        return rc;
    (void)sqlite3_reset(statement);
    return salvage_note(self, sqlite3_step(statement));
}

static int salvage_open(struct salvage *self, const char *path)
{
    int rc = sqlite3_open_v2(path, &self->from, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc == SQLITE_OK) {
        (void)sqlite3_busy_timeout(self->from, BUSY_MS);
        (void)sqlite3_db_config(self->from, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        (void)sqlite3_db_config(self->from, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        (void)sqlite3_exec(self->from, "BEGIN", NULL, NULL,
                           NULL); /* locks once, not for each step */
    }
    return rc;
}

/* Calls fn for each row that can be read. 0, or what fn returned. */
static int salvage_walk(struct salvage *self, const char *sql, salvage_fn fn)
{
    sqlite3_stmt *rows = NULL;
    int64_t from = 1;
    int64_t step = 1;
    int r = 0;
    int rc = salvage_prepare(self, sql, &rows);

    for (int failures = 0; rc == SQLITE_OK && !r;) {
        (void)sqlite3_bind_int64(rows, 1, from);
        while (!r && (rc = salvage_step(self, rows)) == SQLITE_ROW) {
            int64_t id = sqlite3_column_int64(rows, 0);
            if (id < from || !salvage_is_likely(id))
                continue; /* was read already, or a damaged tree has led astray */
            from = id + 1;
            failures = 0;
            step = 1;
            r = fn(self, rows);
        }
        (void)sqlite3_reset(rows);
        if (rc == SQLITE_DONE || r)
            break;
        if (++failures > SINGLE_STEPS)
            step *= 2;
        if (step > INT64_MAX / 4 || from > INT64_MAX - step)
            break;
        from += step;
        rc = SQLITE_OK;
    }
    (void)sqlite3_finalize(rows);
    return r;
}

/* Saves a row. Offers stay offers, since a person made them; an unreadable state counts as dead. */
static int salvage_keep(struct salvage *self, struct store_row *row)
{
    enum store_state state = row->state;

    if (state != STORE_PENDING)
        row->state = STORE_DEAD;
    int r = sqlite_change_append(self->to, row);
    if (!r && (state == STORE_OFFERED || state == STORE_FORCED))
        r = sqlite_change_offer(self->to, row->id, state == STORE_FORCED);
    if (r == STORE_STALE)
        r = 0;
    if (!r)
        self->saved.rows++;
    return r;
}

/* A blob; SPAN_NULL for a column of another type, into which a damaged tree may lead. */
static struct span salvage_blob(sqlite3_stmt *row, int column)
{
    return sqlite3_column_type(row, column) == SQLITE_BLOB ? sqlite_row_span(row, column)
                                                           : SPAN_NULL;
}

static int salvage_event(struct salvage *self, sqlite3_stmt *columns)
{
    int r = 0;

    if (!sqlite_row_is_likely(columns))
        return 0;
    struct store_row row = sqlite_row(columns);
    if (self->early)
        row.id += OUTBOX_IDS_EARLY;
    (void)sqlite3_bind_int64(self->body, 1, sqlite_lane_body(row.id));
    if (salvage_step(self, self->body) == SQLITE_ROW) {
        row.body = salvage_blob(self->body, 0);
        r = row.body.at ? salvage_keep(self, &row) : 0;
    }
    (void)sqlite3_reset(self->body);
    return r;
}

/* *known: whether the body is that of an event that was saved. */
static int salvage_knows(struct salvage *self, int64_t body, bool *known)
{
    int r = sqlite_change_has(self->to, (uint64_t)body, known);

    return r || *known ? r : sqlite_change_has(self->to, sqlite_lane_event(body), known);
}

/* Saves a body whose event was not saved, as a letter. */
static int salvage_body(struct salvage *self, sqlite3_stmt *columns)
{
    int64_t id = sqlite3_column_int64(columns, 0);
    struct store_row row = {
        .id = sqlite_lane_event(id),
        .state = STORE_DEAD,
        .stale = true, /* the record is unknown, so that no later event can mark it */
        .body = salvage_blob(columns, 1),
        .reason = {salvage_reason, sizeof(salvage_reason) - 1},
        .arrived_ms = clock_wall_ms(&clock_system),
        .died_ms = clock_wall_ms(&clock_system),
    };
    bool known;
    int r = salvage_knows(self, id, &known);

    if (r || known || !row.body.at)
        return r;
    return salvage_keep(self, &row);
}

/* A number of a row of counts; 0 where damage has hit it. */
static int64_t salvage_number(sqlite3_stmt *row, int column)
{
    int64_t number = sqlite3_column_int64(row, column);

    return salvage_is_likely(number) ? number : 0;
}

/* Keeps the counts of settled events. Those of rows follow from what was saved. */
static int salvage_tally(struct salvage *self, sqlite3_stmt *row)
{
    struct span model = salvage_blob(row, 1);
    int r = model.at ? sqlite_tally_name(self->to, model) : 0;

    if (r)
        return r;
    struct sqlite_sums *sums = sqlite_tally_of(sqlite_core_of(self->to), model);
    sums->delivered += salvage_number(row, 2);
    sums->discarded += salvage_number(row, 3);
    self->rows_counted += salvage_number(row, 4);
    return 0;
}

static void salvage_mark(struct salvage *self)
{
    struct sqlite_core *to = sqlite_core_of(self->to);
    sqlite3_stmt *mark = NULL;
    const char *sql = self->early ? "SELECT last_id FROM tally" : "SELECT last_id FROM mark";

    if (salvage_prepare(self, sql, &mark) == SQLITE_OK && salvage_step(self, mark) == SQLITE_ROW) {
        int64_t last_id = salvage_number(mark, 0);
        if (self->early && last_id > 0)
            last_id += (int64_t)OUTBOX_IDS_EARLY;
        if (to->used_id < last_id && last_id < (int64_t)OUTBOX_IDS_END)
            to->used_id = last_id;
    }
    (void)sqlite3_finalize(mark);
}

/* Counts rows that were there and could not be saved as discarded. */
static void salvage_count_spoilt(struct salvage *self)
{
    int64_t spoilt = self->rows_counted - (int64_t)self->saved.rows;

    if (spoilt <= 0)
        return;
    self->saved.rows_spoilt = (uint64_t)spoilt;
    sqlite_tally_of(sqlite_core_of(self->to), SPAN_NULL)->discarded += spoilt;
}

static int salvage_counts(struct salvage *self)
{
    int r = salvage_walk(self,
                         self->early ? "SELECT only, NULL, delivered, discarded, pending + dead"
                                       " FROM tally WHERE only >= ?1"
                                     : "SELECT id + 1, model, delivered, discarded, pending + dead"
                                       " FROM tally WHERE id + 1 >= ?1 ORDER BY id",
                         salvage_tally);

    salvage_mark(self);
    salvage_count_spoilt(self);
    return r;
}

static int salvage_events(struct salvage *self)
{
    return salvage_walk(self,
                        self->early ? "SELECT " SQLITE_EVENT_COLUMNS_1 " FROM event NOT INDEXED"
                                      " WHERE id >= ?1 ORDER BY id"
                                    : "SELECT " SQLITE_EVENT_COLUMNS " FROM event NOT INDEXED"
                                      " WHERE id >= ?1 ORDER BY id",
                        salvage_event);
}

/* Whether the file is of version 1, judged by the columns: damage may have hit the number of the
 * version. */
static bool salvage_is_early(struct salvage *self)
{
    sqlite3_stmt *unused = NULL;
    bool early = salvage_prepare(self, "SELECT since_ms FROM event", &unused) == SQLITE_ERROR;

    (void)sqlite3_finalize(unused);
    return early;
}

static int salvage_all(struct salvage *self)
{
    int r = sqlite_transact_begin(self->to);

    self->early = salvage_is_early(self);
    if (!r &&
        salvage_prepare(self, "SELECT bytes FROM body WHERE id = ?1", &self->body) == SQLITE_OK)
        r = salvage_events(self);
    if (!r)
        r = salvage_walk(self, "SELECT id, bytes FROM body WHERE id >= ?1 ORDER BY id",
                         salvage_body);
    if (!r)
        r = salvage_counts(self);
    if (!r)
        r = self->hindered;
    (void)sqlite3_finalize(self->body);
    return r ? r : sqlite_transact_commit(self->to);
}

int sqlite_salvage(const char *from, const char *to, struct sqlite_saved *saved)
{
    struct salvage self = {0};
    int r = sqlite_connect_for_salvage(to, &self.to);

    if (r)
        return r;
    /* Opening reads nothing of the file, so a failure is no damage. */
    int rc = salvage_open(&self, from);
    if (rc != SQLITE_OK)
        r = (rc & 0xff) == SQLITE_NOMEM ? error_origin(-ENOMEM) : STORE_BROKEN;
    if (!r)
        r = salvage_all(&self);
    if (!r && sqlite_backup_copy_mark(self.from, sqlite_core_of(self.to)->db) != SQLITE_OK)
        r = STORE_BROKEN;
    (void)sqlite3_close(self.from);
    self.to = sqlite_connect_free(self.to);
    if (!r)
        *saved = self.saved;
    return r;
}
