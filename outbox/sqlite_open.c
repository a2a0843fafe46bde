/* SPDX-License-Identifier: MIT */
/*
 * Opening the SQLite file.
 *
 * The file is found, locked, made if missing, checked, and mended if damaged. Other descriptors of
 * the file are closed before SQLite opens the file, or after SQLite closes it: sqlite_hold.c says
 * why.
 *
 * The file is made for its owner alone, and never left open to everybody.
 */
#include "outbox/sqlite_open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "outbox/sqlite_backup.h"
#include "outbox/sqlite_connect.h"
#include "outbox/sqlite_files.h"
#include "outbox/sqlite_header.h"
#include "outbox/sqlite_mend.h"
#include "outbox/sqlite_place.h"
#include "outbox/sqlite_schema.h"
#include "outbox/sqlite_tally.h"
#include "outbox/sqlite_transact.h"
#include "outbox/sqlite_wal.h"

enum {
    CHECK_BYTES_MAX = 64 << 20, /* larger files are checked only when suspected of damage */
};

/* ---- The file ---- */

/* Makes the file where it is missing. SQLite gives its WAL and shared memory the same mode. */
static int open_make(const struct store_options *options, const char *path)
{
    cleanup(closep) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno == EEXIST)
        return 0;
    if (fd < 0)
        return sqlite_place_failed(options, path, "cannot be made");
    return sqlite_files_sync_folder(path);
}

/* The outcome for r of an sqlite_hold_lock_...(). A second relay would send every event twice. */
static int open_locked(const struct store_options *options, struct sqlite_core *self, int r)
{
    if (r == HOLD_TAKEN)
        return sqlite_place_put_off(options, "is in use by another relay", NULL);
    return r ? sqlite_place_failed(options, self->path, "cannot be locked") : 0;
}

/* Makes a missing file, and locks the file for this relay alone. */
static int open_take(const struct store_options *options, struct sqlite_core *self)
{
    int r = open_make(options, self->path);

    return r ? r : open_locked(options, self, sqlite_hold_lock_file(&self->hold));
}

/* Checks a file that is small, or suspected of damage. SQLITE_CORRUPT: the file is damaged. */
static int open_check(struct sqlite_core *self)
{
    struct stat st;
    bool suspected = self->damaged || sqlite_files_suspected(self->path);
    bool sound = true;

    if (!suspected && (stat(self->path, &st) != 0 || st.st_size > CHECK_BYTES_MAX))
        return SQLITE_OK;
    int rc = sqlite_schema_check(self->db, &sound);
    if (rc == SQLITE_OK && sound && suspected)
        sqlite_files_trust(self->path);
    return rc == SQLITE_OK && !sound ? SQLITE_CORRUPT : rc;
}

/* The refusal for a full disk. The line names the errno of a quota or of a limit for files, which a
 * person who looks at the free room of the disk would not find. */
static int open_full(const struct store_options *options)
{
    bool other = errno == EDQUOT || errno == EFBIG;

    return sqlite_place_put_off(options, "the disk is full", other ? strerror(errno) : NULL);
}

/* Whether this user lacks a right that SQLite needs. SQLite reports that as another failure. */
static bool open_is_denied(const struct sqlite_core *self)
{
    cleanup(freep) char *folder = sqlite_place_folder(self->path);

    return sqlite_place_denies(self->path, R_OK | W_OK) ||
           (folder && sqlite_place_denies(folder, W_OK | X_OK));
}

/* The outcome for an I/O error. Looks for a plain cause first, which a person can mend. */
static int open_disk_trouble(const struct store_options *options, struct sqlite_core *self)
{
    struct statvfs disk;

    if (open_is_denied(self))
        return sqlite_place_failed(options, self->path, "cannot be used");
    bool known = statvfs(self->path, &disk) == 0;

    if (known && disk.f_flag & ST_RDONLY)
        return sqlite_place_refuse(options, "is on a read-only file system", NULL);
    if (known && disk.f_bavail == 0)
        return sqlite_place_put_off(options, "the disk is full", NULL);
    if (known && disk.f_files > 0 && disk.f_favail == 0)
        return sqlite_place_put_off(options, "the disk can hold no more files", NULL);
    return sqlite_place_put_off(options, "cannot be used", sqlite3_errmsg(self->db));
}

/* The outcome for an SQLite result of the opening; SQLITE_SCHEMA_DAMAGED is one more. */
static int open_outcome(const struct store_options *options, struct sqlite_core *self, int rc)
{
    if (sqlite_reserve_result_is_full(rc))
        return open_full(options);
    switch (rc & 0xff) {
    case SQLITE_OK:
        return 0;
    case SQLITE_NOMEM:
        return error_origin(-ENOMEM);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* a table is missing */
        return SQLITE_SCHEMA_DAMAGED;
    case SQLITE_BUSY:
        return sqlite_place_put_off(options, "is locked by another program", NULL);
    case SQLITE_READONLY:
        return open_is_denied(self) ? sqlite_place_failed(options, self->path, "cannot be used")
                                    : sqlite_place_refuse(options, "is read-only", NULL);
    default:
        break;
    }
    return open_disk_trouble(options, self);
}

/* Commits an empty transaction: only a write shows whether the file can be written. A full disk is
 * no reason to refuse the start. */
static int open_try_writing(const struct store_options *options, struct sqlite_core *self)
{
    if (sqlite3_db_readonly(self->db, "main") == 1)
        return sqlite_place_refuse(options, "is read-only", NULL);
    int r = sqlite_transact_begin(&self->store);
    if (!r)
        r = sqlite_transact_commit(&self->store);
    if (r == STORE_FULL)
        return 0;
    if (r != STORE_BROKEN)
        return r;
    int why = open_outcome(options, self, sqlite3_extended_errcode(self->db));
    return why ? why : r; /* why is 0 where the files were moved meanwhile: SQLite sees no fault */
}

static int open_identify(const struct store_options *options, struct sqlite_core *self)
{
    const char *text = NULL;
    int rc = sqlite_connect_file(self);

    if (rc != SQLITE_OK)
        return open_outcome(options, self, rc);
    int r = sqlite_schema_identify(self->db, options->mode == STORE_SERVE, &text);
    if (r == STORE_REFUSED)
        return sqlite_place_refuse(options, text, NULL);
    return r == STORE_BROKEN ? open_outcome(options, self, sqlite3_extended_errcode(self->db)) : r;
}

static int open_connect(const struct store_options *options, struct sqlite_core *self)
{
    int64_t unused;
    int r = open_identify(options, self);

    if (r)
        return r;
    int rc = sqlite_connect_settings(self, options->mode);
    if (rc == SQLITE_OK && options->mode == STORE_SERVE)
        rc = open_check(self);
    if (rc == SQLITE_OK && options->mode == STORE_SERVE)
        rc = sqlite_schema_migrate(self->db);
    if (rc == SQLITE_OK && options->mode == STORE_SERVE)
        rc = sqlite_backup_restore(self);
    if (rc == SQLITE_OK)
        rc = sqlite_schema_prepare(self);
    r = open_outcome(options, self, rc);
    if (!r && options->mode == STORE_SERVE)
        r = open_try_writing(options, self);
    if (!r)
        r = open_outcome(options, self, sqlite_core_number(self, STMT_ID_MARK, &unused));
    if (!r) /* for changed(): only what others change from now on counts */
        r = open_outcome(options, self,
                         sqlite_core_number(self, STMT_DATA_VERSION, &self->data_version));
    return r;
}

/* Saves what was set aside. Where a full disk has no room for the new file, a start goes on with an
 * empty one; a store that is open already goes on with the file that it has open. */
static int open_save(const struct store_options *options, struct sqlite_core *self)
{
    int r = sqlite_mend_finish(self->path, !self->opened, &self->rows_spoilt);

    if (r == STORE_FULL)
        return open_full(options);
    return r == STORE_BROKEN ? sqlite_place_put_off(options, "is damaged, and the disk fails", NULL)
                             : r;
}

/* Sets a damaged file aside, and opens one with what could be saved. */
static int open_mend(const struct store_options *options, struct sqlite_core *self)
{
    sqlite_hold_drop_files(&self->hold);
    int r = sqlite_mend_set_aside(self->path);

    if (!r)
        r = open_save(options, self);
    if (!r)
        r = open_take(options, self);
    return r ? r : open_connect(options, self);
}

static int open_connect_or_mend(const struct store_options *options, struct sqlite_core *self)
{
    int r = open_connect(options, self);

    if (r == SQLITE_SCHEMA_DAMAGED) {
        /* A disk that fails for a moment looks like damage, and would not a second time. */
        sqlite_connect_close(self);
        r = open_connect(options, self);
    }
    if (r != SQLITE_SCHEMA_DAMAGED)
        return r;
    sqlite_connect_close(self);
    self->damaged = false; /* the new file is sound */
    return open_mend(options, self);
}

/* A mending that was cut short has left the file under another name. */
static int open_finish_mending(const struct store_options *options, struct sqlite_core *self)
{
    if (!sqlite_mend_unfinished(self->path))
        return 0;
    sqlite_hold_drop_files(&self->hold);
    return open_save(options, self);
}

/* Opens the file, and then locks all files that SQLite has open by now. */
static int open_and_hold(const struct store_options *options, struct sqlite_core *self)
{
    int r = open_connect_or_mend(options, self);

    return r ? r : open_locked(options, self, sqlite_hold_lock_all(&self->hold));
}

/* The name and the file are locked before anything about the file changes. */
static int open_serving(const struct store_options *options, struct sqlite_core *self)
{
    int r = open_locked(options, self, sqlite_hold_lock_name(&self->hold));

    if (!r && (sqlite_hold_is_mended(&self->hold) || sqlite_hold_is_torn(&self->hold)))
        r = open_locked(options, self, HOLD_TAKEN);
    if (!r)
        r = open_finish_mending(options, self);
    if (!r && sqlite_header_owner(self->path) == HEADER_OF_OURS_BESIDE_A_WAL)
        r = sqlite_mend_set_wal_aside(self->path);
    if (!r)
        r = open_take(options, self);
    if (!r)
        r = sqlite_files_modes(self->path);
    return r ? r : open_and_hold(options, self);
}

/* A command must not change files that the relay beside it does not have open. */
static int open_beside(const struct store_options *options, struct sqlite_core *self)
{
    if (sqlite_hold_is_torn(&self->hold))
        return sqlite_place_put_off(
            options,
            "was removed or exchanged under the relay that has it open, or its -wal or -shm was; "
            "restart that relay, and name the file as it does",
            NULL);
    return open_connect(options, self);
}

/* ---- Again, while the store serves ---- */

/* Makes *fresh a store like self, without a connection, which borrows the hold's files. */
static void open_prepare_fresh(const struct sqlite_core *self, struct sqlite_core *fresh)
{
    *fresh = *self;
    fresh->db = NULL;
    fresh->tallies = (struct sqlite_tallies){0};
    memset(fresh->statements, 0, sizeof(fresh->statements));
    sqlite_hold_lend(&self->hold, &fresh->hold);
    if (sqlite_hold_moved(&self->hold) != HOLD_PLACES)
        sqlite_hold_drop_files(&fresh->hold);
}

/* Frees what fresh has opened. The store goes on with its own connection, and keeps what fresh has
 * learnt of the file and of the disk. */
static void open_give_up_fresh(struct sqlite_core *self, struct sqlite_core *fresh)
{
    sqlite_connect_close(fresh);
    sqlite_tally_done(fresh);
    sqlite_hold_drop_files(&fresh->hold);
    self->rows_spoilt = fresh->rows_spoilt;
    self->reserve = fresh->reserve;
    self->half_mended = sqlite_hold_moved(&self->hold) != HOLD_PLACES;
}

/* Closes the store's own connection. The store goes on with that of fresh. */
static void open_take_over_fresh(struct sqlite_core *self, struct sqlite_core *fresh)
{
    sqlite_connect_close(self);
    sqlite_tally_done(self);
    sqlite_hold_take_over(&self->hold, &fresh->hold);
    fresh->hold = self->hold;
    *self = *fresh;
    sqlite_hold_remember(&self->hold);
    sqlite_wal_watch(self);
    self->damaged = self->half_mended = false;
    self->data_version = -1; /* for changed(): the new file counts as a change */
    sqlite_wal_claim(self);
}

/* The old connection stays open, and its files stay locked, until a new connection is open: without
 * one the store goes on as before. */
int sqlite_open_again(struct sqlite_core *self)
{
    cleanup(buf_done) struct buf why = BUF_NULL;
    const struct store_options options = {
        .path = self->path, .mode = STORE_SERVE, .max_bytes = self->max_bytes, .why = &why};
    struct sqlite_core fresh;

    open_prepare_fresh(self, &fresh);
    int r = open_finish_mending(&options, &fresh);
    if (!r)
        r = open_take(&options, &fresh);
    if (!r)
        r = open_and_hold(&options, &fresh);
    if (!r) {
        open_take_over_fresh(self, &fresh);
        return 0;
    }
    open_give_up_fresh(self, &fresh);
    log_error("the outbox is damaged, and cannot be mended yet: it is tried again", "path",
              self->path, "error", buf_string(&why));
    return r > 0 ? STORE_BROKEN : r;
}

/* ---- The whole ---- */

int sqlite_open(const struct store_options *options, struct sqlite_core *self)
{
    bool serves = options->mode == STORE_SERVE;

    self->max_bytes = options->max_bytes;
    self->clock = options->clock ? options->clock : &clock_system;
    int r = sqlite_place_find(options, &self->path);
    if (!r)
        r = sqlite_hold_init(&self->hold, options->path, self->path);
    if (!r)
        r = serves ? open_serving(options, self) : open_beside(options, self);
    if (r == SQLITE_SCHEMA_DAMAGED)
        r = sqlite_place_refuse(
            options,
            serves ? "is damaged, and cannot be replaced"
                   : "holds no outbox, or a damaged one; the relay mends it when it serves",
            NULL);
    if (r)
        return r;
    if (serves)
        sqlite_place_warn(self->path);
    sqlite_hold_remember(&self->hold);
    self->opened = true;
    sqlite_wal_claim(self);
    if (serves)
        sqlite_reserve_take(&self->reserve, self->path);
    return 0;
}
