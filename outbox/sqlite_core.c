/* SPDX-License-Identifier: MIT */
/*
 * The core of the SQLite store: failures, health and statements.
 *
 * Where the disk fails or memory runs out inside a statement, even one that only reads, SQLite ends
 * the transaction by itself (https://sqlite.org/lang_transaction.html, 3). The next statement would
 * then be committed alone, without its counts. So any failure spoils the transaction, and a
 * transaction that is spoilt, or over, admits no change.
 */
#include "outbox/sqlite_core.h"

#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "outbox/sqlite_files.h"
#include "outbox/sqlite_row.h"

enum { TELL_AGAIN_MS = 60 * 1000 }; /* between two log lines of failed readings */

/* ---- Outcomes ---- */

/* What a person is to do about files that are not where they were. */
static const char *sqlite_core_moved_text(const struct sqlite_core *self)
{
    switch (sqlite_hold_moved(&self->hold)) {
    case HOLD_WAL:
        return "its -wal was removed, emptied or exchanged: restart the relay";
    case HOLD_SHARED:
        return "its -shm was removed, emptied or exchanged: restart the relay";
    default:
        return "another file is there now, or none: put it back, beside its -wal, before the "
               "next start";
    }
}

static void sqlite_core_note_failing(struct sqlite_core *self, int rc, int health)
{
    if (health == self->health)
        return;
    if (health == STORE_FULL)
        log_warn("the outbox is full: new events cannot be stored; raise OUTBOX_MAX_MB, or make "
                 "room on its disk",
                 "path", self->path);
    else if (rc == SQLITE_READONLY_DBMOVED)
        log_error("the outbox fails: nothing is stored until it works again", "path", self->path,
                  "error", sqlite_core_moved_text(self));
    else
        log_error("the outbox fails: nothing is stored until it works again", "path", self->path,
                  "error", sqlite3_errmsg(self->db), "code",
                  log_number(sqlite3_extended_errcode(self->db)));
    self->health = health;
}

/* Notes damage. The relay that serves mends the damage, and logs that then; a command can only say
 * that there is damage. */
static void sqlite_core_note_damage(struct sqlite_core *self)
{
    if (self->damaged)
        return;
    self->damaged = true;
    sqlite_files_suspect(self->path);
    if (self->hold.name_fd < 0)
        log_error("the outbox is damaged; the relay mends it", "path", self->path, "error",
                  sqlite3_errmsg(self->db));
}

static void sqlite_core_note_unreadable(struct sqlite_core *self)
{
    int64_t now_ms = clock_mono_ms(&clock_system);

    if (self->told_unreadable_ms && now_ms - self->told_unreadable_ms < TELL_AGAIN_MS)
        return;
    self->told_unreadable_ms = now_ms;
    log_error("the outbox cannot be read: what it holds waits, and is tried again", "path",
              self->path, "error", sqlite3_errmsg(self->db), "code",
              log_number(sqlite3_extended_errcode(self->db)));
}

int sqlite_core_note_full(struct sqlite_core *self)
{
    self->roomy = false;
    sqlite_core_note_failing(self, SQLITE_FULL, STORE_FULL);
    return STORE_FULL;
}

void sqlite_core_note_well(struct sqlite_core *self)
{
    if (self->health == STORE_FULL && !self->roomy)
        return;
    if (self->health)
        log_info("the outbox works again: events are stored", "path", self->path);
    self->health = 0;
}

static bool sqlite_core_is_damage(int rc)
{
    return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
}

/* The outcome, which logs a full disk and damage alone. */
static int sqlite_core_judge(struct sqlite_core *self, int rc)
{
    if (sqlite_reserve_result_is_full(rc)) {
        sqlite_reserve_give_up(&self->reserve);
        self->fold = true;
        return sqlite_core_note_full(self);
    }
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_NOMEM:
        return error_origin(-ENOMEM);
    case SQLITE_TOOBIG:
        return STORE_REFUSED;
    default:
        if (sqlite_core_is_damage(rc))
            sqlite_core_note_damage(self);
        return STORE_BROKEN;
    }
}

int sqlite_core_outcome(struct sqlite_core *self, int rc)
{
    int r = sqlite_core_judge(self, rc);

    if (rc == SQLITE_IOERR_READ || rc == SQLITE_IOERR_SHORT_READ)
        sqlite_core_note_unreadable(self); /* not in health: a later commit would clear that */
    else if (r == STORE_BROKEN && !sqlite_core_is_damage(rc))
        sqlite_core_note_failing(self, rc, r);
    return r;
}

int sqlite_core_spoil(struct sqlite_core *self, int rc)
{
    int r = sqlite_core_outcome(self, rc);

    if (r)
        self->spoilt = r;
    return r;
}

int sqlite_core_spoil_read(struct sqlite_core *self, int rc)
{
    int r = sqlite_core_judge(self, rc);

    if (r == STORE_BROKEN && !sqlite_core_is_damage(rc))
        sqlite_core_note_unreadable(self);
    if (r)
        self->spoilt = r;
    return r;
}

int sqlite_core_admit(struct sqlite_core *self)
{
    if (!self->spoilt && sqlite3_get_autocommit(self->db))
        self->spoilt = STORE_BROKEN; /* no transaction has begun, or SQLite has ended it */
    return self->spoilt;
}

/* ---- Statements ---- */

int sqlite_core_bind(sqlite3_stmt *statement, const struct sqlite_value *values, size_t len)
{
    int rc = SQLITE_OK;

    for (size_t i = 0; i < len && rc == SQLITE_OK; i++) {
        const struct sqlite_value *value = &values[i];
        rc = value->is_bytes ? sqlite_row_bind_span(statement, (int)i + 1, value->bytes)
                             : sqlite3_bind_int64(statement, (int)i + 1, value->number);
    }
    return rc;
}

int sqlite_core_run(struct sqlite_core *self, enum sqlite_statement which,
                    const struct sqlite_value *values, size_t len)
{
    sqlite3_stmt *statement = self->statements[which];
    int rc = sqlite_core_bind(statement, values, len);

    if (rc == SQLITE_OK)
        while ((rc = sqlite3_step(statement)) == SQLITE_ROW)
            ;
    (void)sqlite3_reset(statement); /* returns the error of sqlite3_step() again */
    (void)sqlite3_clear_bindings(statement);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sqlite_core_number(struct sqlite_core *self, enum sqlite_statement which, int64_t *value)
{
    sqlite3_stmt *statement = self->statements[which];
    int rc = sqlite3_step(statement);

    if (rc == SQLITE_ROW) {
        *value = sqlite3_column_int64(statement, 0);
        rc = SQLITE_OK;
    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_CORRUPT; /* callers ask only where there must be a row */
    }
    (void)sqlite3_reset(statement);
    return rc;
}
