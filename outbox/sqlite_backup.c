/* SPDX-License-Identifier: MIT */
/*
 * Backups of the SQLite file.
 *
 * VACUUM INTO reads one state of the file while other connections go on writing, and leaves deleted
 * records behind. The WAL cannot be folded in past that state meanwhile, so it grows. The copy is
 * made beside the wanted name, and gets the name once it is whole, sound and on disk.
 *
 * Events that were pending in a backup may have been delivered since, and newer events of their
 * records as well. Sent again, they would undo the newer ones. So a copy is marked by its
 * application_id, and a store that is opened on a copy to serve sends nothing unasked: pending
 * events become dead letters, stale ones where there is a record.
 */
#include "outbox/sqlite_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "outbox/sqlite_files.h"
#include "outbox/sqlite_header.h"
#include "outbox/sqlite_place.h"
#include "outbox/sqlite_schema.h"

enum { BACKUP_PROGRESS_OPS = 10000 }; /* of SQLite's virtual machine between two reports */

static const char backup_reason[] =
    "Restored from a backup, in which it was pending: it may have been delivered since";

struct backup {
    struct sqlite_core *store;
    const struct store_backup *wanted;
    char *partial; /* the copy's name until it is whole; NULL: there is none */
    int partial_fd;
    int64_t total_bytes;
    int stopped; /* what progress() ended the backup with; 0: nothing */
};

static void backup_done(struct backup *backup)
{
    closep(&backup->partial_fd);
    if (backup->partial)
        (void)unlink(backup->partial);
    free(backup->partial);
}

static int backup_refuse(const struct backup *backup, const char *text, const char *cause)
{
    int r = buf_printf(backup->wanted->why, "%s: %s%s%s", backup->wanted->path, text,
                       cause ? ": " : "", cause ? cause : "");

    return r ? r : STORE_REFUSED;
}

/* ---- The copy ---- */

/* Whether the wanted name is one that SQLite, or the next start, has another use for. */
static bool backup_is_in_the_way(const struct backup *backup)
{
    cleanup(freep) char *name = sqlite_place_real_name(backup->wanted->path);

    return name && sqlite_files_has_use_for(backup->store->path, name);
}

static int backup_begin(struct backup *backup)
{
    struct stat st;

    if (backup_is_in_the_way(backup))
        return backup_refuse(backup, "is a name that the outbox has for files of its own", NULL);
    if (lstat(backup->wanted->path, &st) == 0)
        return backup_refuse(backup, "is there already; backups overwrite nothing", NULL);
    if (asprintf(&backup->partial, "%s.partial-XXXXXX", backup->wanted->path) < 0) {
        backup->partial = NULL;
        return error_origin(-ENOMEM);
    }
    backup->partial_fd = mkostemp(backup->partial, O_CLOEXEC); /* with mode 0600 */
    if (backup->partial_fd >= 0)
        return 0;
    int r = backup_refuse(backup, "cannot be made", strerror(errno));
    freep(&backup->partial);
    backup->partial = NULL;
    return r;
}

static int backup_progress(void *ctx)
{
    struct backup *backup = ctx;
    struct stat st;

    if (fstat(backup->partial_fd, &st) != 0)
        return 0;
    backup->stopped =
        backup->wanted->progress(backup->wanted->ctx, st.st_size, backup->total_bytes);
    return backup->stopped;
}

static int backup_measure(struct backup *backup)
{
    int64_t pages, free_pages, page_bytes;
    int rc = sqlite_core_number(backup->store, STMT_PAGES, &pages);

    if (rc == SQLITE_OK)
        rc = sqlite_core_number(backup->store, STMT_FREE_PAGES, &free_pages);
    if (rc == SQLITE_OK)
        rc = sqlite_schema_number(backup->store->db, "PRAGMA page_size", &page_bytes);
    if (rc == SQLITE_OK)
        backup->total_bytes = (pages - free_pages) * page_bytes;
    return rc;
}

static int backup_copy(struct backup *backup)
{
    sqlite3 *db = backup->store->db;
    sqlite3_stmt *vacuum = NULL;
    int rc = backup_measure(backup);

    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(db, "VACUUM main INTO ?1", -1, &vacuum, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(vacuum, 1, backup->partial, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK) {
        sqlite3_progress_handler(db, BACKUP_PROGRESS_OPS, backup_progress, backup);
        rc = sqlite3_step(vacuum);
        sqlite3_progress_handler(db, 0, NULL, NULL);
    }
    (void)sqlite3_finalize(vacuum);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* The outcome of the copying. SQLite does not tell which of the two files the failure is about;
 * the new one is the likelier. */
static int backup_outcome(struct backup *backup, int rc)
{
    if (sqlite_reserve_result_is_full(rc))
        return backup_refuse(backup, "the disk is full", NULL);
    switch (rc & 0xff) {
    case SQLITE_OK:
        return 0;
    case SQLITE_INTERRUPT:
        return backup->stopped;
    case SQLITE_NOMEM:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return sqlite_core_outcome(backup->store, rc);
    default:
        return backup_refuse(backup, "cannot be made", sqlite3_errmsg(backup->store->db));
    }
}

/* A copy counts as a backup only once all of it has been read. */
static int backup_check(sqlite3 *copy)
{
    bool sound = false;
    int rc = sqlite_schema_check(copy, &sound);

    return rc == SQLITE_OK && !sound ? SQLITE_CORRUPT : rc;
}

static int backup_mark(sqlite3 *db, int application)
{
    char sql[64];

    (void)sqlite3_snprintf(sizeof(sql), sql, "PRAGMA application_id = %d", application);
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int backup_seal(struct backup *backup)
{
    sqlite3 *copy = NULL;
    int rc =
        sqlite3_open_v2(backup->partial, &copy,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);

    if (rc == SQLITE_OK)
        rc = backup_check(copy);
    if (rc == SQLITE_OK)
        rc = backup_mark(copy, SQLITE_APPLICATION_BACKUP);
    int r = 0;
    if (sqlite_reserve_result_is_full(rc))
        r = backup_refuse(backup, "the disk is full", NULL);
    else if (rc != SQLITE_OK)
        r = backup_refuse(backup, "is not sound", sqlite3_errmsg(copy));
    (void)sqlite3_close(copy);
    return r;
}

/* Renames without overwriting; NFS can do that by links only. */
static int backup_rename(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL || link(from, to) != 0)
        return -errno;
    (void)unlink(from);
    return 0;
}

static int backup_publish(struct backup *backup)
{
    if (fsync(backup->partial_fd) != 0)
        return backup_refuse(backup, "cannot be written", strerror(errno));
    int r = backup_rename(backup->partial, backup->wanted->path);
    if (r)
        return backup_refuse(backup, "cannot be made", strerror(-r));
    freep(&backup->partial);
    backup->partial = NULL;
    return sqlite_files_sync_folder(backup->wanted->path);
}

int sqlite_backup(struct store *store, const struct store_backup *wanted)
{
    cleanup(backup_done) struct backup backup = {
        .store = sqlite_core_of(store), .wanted = wanted, .partial_fd = -1};
    int r = backup_begin(&backup);

    if (!r)
        r = backup_outcome(&backup, backup_copy(&backup));
    if (!r)
        r = backup_seal(&backup);
    return r ? r : backup_publish(&backup);
}

/* ---- A backup that was put in place ---- */

static int restore_run(sqlite3 *db, const char *sql, int64_t now_ms)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

    if (rc == SQLITE_OK && sqlite3_bind_parameter_count(statement) > 0) {
        (void)sqlite3_bind_int64(statement, 1, now_ms);
        (void)sqlite3_bind_blob(statement, 2, backup_reason, sizeof(backup_reason) - 1,
                                SQLITE_STATIC);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    (void)sqlite3_finalize(statement);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Buries all pending events and offers. An event without a record has no order, and so is not
 * stale. */
static int restore_bury(sqlite3 *db, int64_t now_ms, int64_t *buried)
{
    int rc =
        restore_run(db, "UPDATE event SET stale = 1 WHERE stale = 0 AND record IS NOT NULL", 0);

    if (rc == SQLITE_OK)
        rc = restore_run(
            db,
            "UPDATE event SET state = 1, died_ms = ?1, reason = ?2, lane = lane_of(model, record)"
            " WHERE state <> 1",
            now_ms);
    if (rc == SQLITE_OK) {
        *buried = sqlite3_changes64(db);
        rc = restore_run(db,
                         "UPDATE tally SET buried = buried + pending, dead = dead + pending,"
                         " pending = 0",
                         0);
    }
    return rc == SQLITE_OK ? backup_mark(db, SQLITE_APPLICATION) : rc;
}

int sqlite_backup_restore(struct sqlite_core *self)
{
    int64_t application = 0, buried = 0;
    int rc = sqlite_schema_number(self->db, "PRAGMA application_id", &application);

    if (rc != SQLITE_OK || application != SQLITE_APPLICATION_BACKUP)
        return rc;
    rc = sqlite3_exec(self->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = restore_bury(self->db, clock_wall_ms(&clock_system), &buried);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(self->db, "COMMIT", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        log_warn("the outbox was restored from a backup: what was pending is now dead letters; "
                 "replay what Convex lacks",
                 "path", self->path, "events", log_number(buried));
    else if (!sqlite3_get_autocommit(self->db))
        (void)sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

int sqlite_backup_copy_mark(sqlite3 *from, sqlite3 *to)
{
    int64_t application = 0;

    if (sqlite_schema_number(from, "PRAGMA application_id", &application) != SQLITE_OK ||
        application != SQLITE_APPLICATION_BACKUP)
        return SQLITE_OK;
    return backup_mark(to, SQLITE_APPLICATION_BACKUP);
}
