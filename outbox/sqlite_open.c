/* SPDX-License-Identifier: MIT */
/*
 * Opening the SQLite file.
 *
 * The file is found, locked, made if it is missing, looked at, and set aside if it is damaged.
 * Whatever else opens it does so before SQLite, or closes it behind SQLite: sqlite_hold.c says why.
 *
 * secure_delete is FAST: deleted records are overwritten where that costs no extra write, which
 * wipes most; large ones may stay in free pages, and copies stay in the log (WAL), until these are
 * used again. Full wiping would double the writing, and the log would keep copies just the same.
 * The file is made for its owner alone, and never left open to everybody.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/error.h"
#include "base/log.h"
#include "outbox/sqlite_header.h"
#include "outbox/sqlite_place.h"
#include "outbox/sqlite_store.h"
#include "outbox/sqlite_tally.h"

enum {
    BUSY_MS = 5000,
    CHECK_BYTES_MAX = 64 << 20, /* larger files are looked at only when suspected */
};

CLEANUP_POINTER(struct store, sqlite_store_close);

/* ---- The file ---- */

/* Makes the file, which its log and shared memory take their mode from, where it is missing. */
static int open_make(const struct store_options *options, const char *path)
{
    cleanup(closep) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno == EEXIST)
        return 0;
    if (fd < 0)
        return sqlite_place_failed(options, path, "cannot be made");
    return sqlite_mend_sync_folder(path);
}

/* A second relay would send everything twice. r: of an sqlite_hold_lock_...(). */
static int open_locked(const struct store_options *options, struct sqlite_store *self, int r)
{
    if (r == HOLD_TAKEN)
        return sqlite_place_put_off(options, "is in use by another relay", NULL);
    return r ? sqlite_place_failed(options, self->path, "cannot be locked") : 0;
}

/* Makes the file where it is missing, and takes it for this relay alone. */
static int open_take(const struct store_options *options, struct sqlite_store *self)
{
    int r = open_make(options, self->path);

    return r ? r : open_locked(options, self, sqlite_hold_lock_file(&self->hold));
}

/* ---- The connection ---- */

static int connect_exec(struct sqlite_store *self, const char *sql)
{
    return sqlite3_exec(self->db, sql, NULL, NULL, NULL);
}

static int connect_file(struct sqlite_store *self)
{
    int rc =
        sqlite3_open_v2(self->path, &self->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);

    if (rc != SQLITE_OK)
        return rc;
    (void)sqlite3_busy_timeout(self->db, BUSY_MS);
    (void)sqlite3_db_config(self->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(self->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return SQLITE_OK;
}

/* A backup that is only looked at keeps its journal mode, by which it is known. Any other file is
 * in WAL mode while it is open, so that nobody who reads it is in a relay's way. */
static int connect_journal(struct sqlite_store *self, enum store_mode mode)
{
    int64_t application = 0;
    int rc = sqlite_schema_number(self->db, "PRAGMA application_id", &application);

    if (rc == SQLITE_OK && mode == STORE_BESIDE && application != SQLITE_APPLICATION)
        return rc;
    return rc == SQLITE_OK ? connect_exec(self, "PRAGMA journal_mode = WAL") : rc;
}

static int connect_settings(struct sqlite_store *self, enum store_mode mode)
{
    int rc = connect_exec(self, "PRAGMA page_size = 4096");

    if (rc == SQLITE_OK)
        rc = connect_journal(self, mode);
    if (rc == SQLITE_OK)
        rc = connect_exec(self, "PRAGMA synchronous = FULL;"
                                "PRAGMA secure_delete = FAST;"
                                "PRAGMA cell_size_check = ON;"
                                "PRAGMA temp_store = MEMORY");
    return rc == SQLITE_OK ? sqlite_room_init(self) : rc;
}

static int connect_check(struct sqlite_store *self)
{
    struct stat st;
    bool suspected = self->damaged || sqlite_mend_suspected(self->path);
    bool sound = true;

    if (!suspected && (stat(self->path, &st) != 0 || st.st_size > CHECK_BYTES_MAX))
        return SQLITE_OK;
    int rc = sqlite_schema_check(self->db, &sound);
    if (rc == SQLITE_OK && sound && suspected)
        sqlite_mend_trust(self->path);
    return rc == SQLITE_OK && !sound ? SQLITE_CORRUPT : rc;
}

/* Of a quota or a limit for files the disk itself says nothing. */
static int open_full(const struct store_options *options)
{
    bool other = errno == EDQUOT || errno == EFBIG;

    return sqlite_place_put_off(options, "the disk is full", other ? strerror(errno) : NULL);
}

/* Whether this user lacks a right that SQLite needs: it says so in other words, or in none. */
static bool open_is_denied(const struct sqlite_store *self)
{
    cleanup(freep) char *folder = sqlite_place_folder(self->path);

    return sqlite_place_denies(self->path, R_OK | W_OK) ||
           (folder && sqlite_place_denies(folder, W_OK | X_OK));
}

/* What SQLite calls an I/O error may have a plain cause that a person can mend. */
static int open_disk_trouble(const struct store_options *options, struct sqlite_store *self)
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

/* What SQLite said while the file was opened, as an outcome: SQLITE_STORE_DAMAGED, too. */
static int open_outcome(const struct store_options *options, struct sqlite_store *self, int rc)
{
    if (sqlite_room_is_out(rc))
        return open_full(options);
    switch (rc & 0xff) {
    case SQLITE_OK:
        return 0;
    case SQLITE_NOMEM:
        return error_origin(-ENOMEM);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* a table is missing */
        return SQLITE_STORE_DAMAGED;
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

/* A real write: the only way to learn that there can be none. A full disk may empty again. */
static int open_try_writing(const struct store_options *options, struct sqlite_store *self)
{
    if (sqlite3_db_readonly(self->db, "main") == 1)
        return sqlite_place_refuse(options, "is read-only", NULL);
    int r = self->store.ops->begin(&self->store);
    if (!r)
        r = self->store.ops->commit(&self->store);
    if (r == STORE_FULL)
        return 0;
    if (r != STORE_BROKEN)
        return r;
    int why = open_outcome(options, self, sqlite3_extended_errcode(self->db));
    return why ? why : r; /* the files were moved meanwhile: SQLite knows nothing of it */
}

static int open_identify(const struct store_options *options, struct sqlite_store *self)
{
    const char *text = NULL;
    int rc = connect_file(self);

    if (rc != SQLITE_OK)
        return open_outcome(options, self, rc);
    int r = sqlite_schema_identify(self->db, options->mode == STORE_SERVE, &text);
    if (r == STORE_REFUSED)
        return sqlite_place_refuse(options, text, NULL);
    return r == STORE_BROKEN ? open_outcome(options, self, sqlite3_extended_errcode(self->db)) : r;
}

static int open_connect(const struct store_options *options, struct sqlite_store *self)
{
    int64_t unused;
    int r = open_identify(options, self);

    if (r)
        return r;
    int rc = connect_settings(self, options->mode);
    if (rc == SQLITE_OK && options->mode == STORE_SERVE)
        rc = connect_check(self);
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
        r = open_outcome(options, self, sqlite_store_number(self, STMT_LAST_ID, &unused));
    if (!r) /* so that what changes from now on is noticed */
        r = open_outcome(options, self,
                         sqlite_store_number(self, STMT_DATA_VERSION, &self->data_version));
    return r;
}

/* Whether the log (WAL) that has the name by now is another file's, which SQLite would remove; or
 * is one that another one's shared memory tells of, and not to be folded in by this one's. */
static bool open_has_foreign_log(const struct sqlite_store *self)
{
    int moved = 0;

    return (sqlite3_file_control(self->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
            moved) ||
           sqlite_hold_moved(&self->hold) == HOLD_SHARED;
}

/*
 * Whoever has it open last leaves a file that is whole, and says so: it is not in WAL mode. A log
 * that is found beside it later is not its own, but of another one that was there before it.
 */
static void open_seal(struct sqlite_store *self)
{
    if (!self->opened || sqlite_hold_moved(&self->hold) != HOLD_PLACES)
        return;
    (void)sqlite3_busy_timeout(self->db, 0);
    (void)connect_exec(self, "PRAGMA journal_mode = DELETE"); /* not where others have it open */
}

static void open_finalize(struct sqlite_store *self)
{
    for (size_t i = 0; i < STMT_COUNT; i++) {
        (void)sqlite3_finalize(self->statements[i]);
        self->statements[i] = NULL;
    }
}

/* The connection alone: the file is still this store's. */
static void open_disconnect(struct sqlite_store *self)
{
    open_finalize(self);
    if (self->db && open_has_foreign_log(self))
        (void)sqlite3_db_config(self->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)sqlite3_close(self->db); /* folds the log in, where nobody else has the file open */
    self->db = NULL;
}

static struct sqlite_store *sqlite_store_new(void)
{
    struct sqlite_store *self = calloc(1, sizeof(*self));

    if (self) {
        self->store.ops = &sqlite_store_ops;
        self->hold = SQLITE_HOLD_NONE;
        self->reserve_fd = -1;
    }
    return self;
}

struct store *sqlite_store_close(struct store *store)
{
    if (store) {
        struct sqlite_store *self = sqlite_store_of(store);
        sqlite_room_done(self); /* what is folded in at the end may need it */
        open_finalize(self);
        sqlite_tally_done(self);
        sqlite_hold_serve_no_more(&self->hold);
        open_seal(self);
        open_disconnect(self);
        sqlite_hold_done(&self->hold);
        free(self->path);
        free(self);
    }
    return NULL;
}

/* A start goes on without what a full disk has no room for; who has it open, goes on with that. */
static int open_save(const struct store_options *options, struct sqlite_store *self)
{
    int r = sqlite_mend_finish(self->path, !self->opened, &self->rows_spoilt);

    if (r == STORE_FULL)
        return open_full(options);
    return r == STORE_BROKEN ? sqlite_place_put_off(options, "is damaged, and the disk fails", NULL)
                             : r;
}

/* Sets a damaged file aside, and opens one with what could be saved. */
static int open_mend(const struct store_options *options, struct sqlite_store *self)
{
    sqlite_hold_drop_files(&self->hold);
    int r = sqlite_mend_set_aside(self->path);

    if (!r)
        r = open_save(options, self);
    if (!r)
        r = open_take(options, self);
    return r ? r : open_connect(options, self);
}

static int open_connect_or_mend(const struct store_options *options, struct sqlite_store *self)
{
    int r = open_connect(options, self);

    if (r == SQLITE_STORE_DAMAGED) {
        /* A disk that fails for a moment looks the same: it is damaged when it is so twice. */
        open_disconnect(self);
        r = open_connect(options, self);
    }
    if (r != SQLITE_STORE_DAMAGED)
        return r;
    open_disconnect(self);
    self->damaged = false; /* what takes its place is not */
    return open_mend(options, self);
}

/* Mending that was cut short left the file under another name. */
static int open_finish_mending(const struct store_options *options, struct sqlite_store *self)
{
    if (!sqlite_mend_unfinished(self->path))
        return 0;
    sqlite_hold_drop_files(&self->hold);
    return open_save(options, self);
}

static int open_whole(const struct store_options *options, struct sqlite_store *self)
{
    int r = open_connect_or_mend(options, self);

    return r ? r : open_locked(options, self, sqlite_hold_lock_all(&self->hold));
}

/* The name, and the file, are this relay's alone before anything about the file changes. */
static int open_serving(const struct store_options *options, struct sqlite_store *self)
{
    int r = open_locked(options, self, sqlite_hold_lock_name(&self->hold));

    if (!r && (sqlite_hold_is_mended(&self->hold) || sqlite_hold_is_torn(&self->hold)))
        r = open_locked(options, self, HOLD_TAKEN);
    if (!r)
        r = open_finish_mending(options, self);
    if (!r && sqlite_header_owner(self->path) == HEADER_OF_OURS_BESIDE_A_LOG)
        r = sqlite_mend_set_log_aside(self->path);
    if (!r)
        r = open_take(options, self);
    if (!r)
        r = sqlite_mend_modes(self->path);
    return r ? r : open_whole(options, self);
}

/* A command must not change anything that the relay beside it would not see. */
static int open_beside(const struct store_options *options, struct sqlite_store *self)
{
    if (sqlite_hold_is_torn(&self->hold))
        return sqlite_place_put_off(
            options,
            "was removed or exchanged under the relay that has it open, or its -wal or -shm was; "
            "restart that relay, and name the file as it does",
            NULL);
    return open_connect(options, self);
}

/* What the store has open stays so, and locked, until the new connection is: where there is none,
 * all goes on as it was. */
int sqlite_store_reopen(struct sqlite_store *self)
{
    cleanup(buf_done) struct buf why = BUF_NULL;
    const struct store_options options = {
        .path = self->path, .mode = STORE_SERVE, .max_bytes = self->max_bytes, .why = &why};
    struct sqlite_store fresh = *self;

    fresh.db = NULL;
    fresh.tallies = (struct sqlite_tallies){0};
    memset(fresh.statements, 0, sizeof(fresh.statements));
    sqlite_hold_lend(&self->hold, &fresh.hold);
    if (sqlite_hold_moved(&self->hold) != HOLD_PLACES)
        sqlite_hold_drop_files(&fresh.hold);
    int r = open_finish_mending(&options, &fresh);
    if (!r)
        r = open_take(&options, &fresh);
    if (!r)
        r = open_whole(&options, &fresh);
    if (r) {
        open_disconnect(&fresh);
        sqlite_tally_done(&fresh);
        sqlite_hold_drop_files(&fresh.hold);
        self->rows_spoilt = fresh.rows_spoilt;
        self->reserve_fd = fresh.reserve_fd;
        self->held_bytes = fresh.held_bytes;
        self->half_mended = sqlite_hold_moved(&self->hold) != HOLD_PLACES;
        log_error("the outbox is damaged, and cannot be mended", "path", self->path, "error",
                  buf_string(&why));
        return r > 0 ? STORE_BROKEN : r;
    }
    open_disconnect(self);
    sqlite_tally_done(self);
    sqlite_hold_take_over(&self->hold, &fresh.hold);
    fresh.hold = self->hold;
    *self = fresh;
    sqlite_hold_remember(&self->hold);
    sqlite_room_watch(self);
    self->damaged = self->half_mended = false;
    self->data_version = -1; /* so that what is there now is seen as a change */
    sqlite_room_claim(self);
    return 0;
}

int store_sqlite_open(const struct store_options *options, struct store **out)
{
    struct sqlite_store *self = sqlite_store_new();
    cleanup(sqlite_store_closep) struct store *store = self ? &self->store : NULL;

    if (!self)
        return error_origin(-ENOMEM);
    self->max_bytes = options->max_bytes;
    int r = sqlite_place_find(options, &self->path);
    if (!r)
        r = sqlite_hold_init(&self->hold, options->path, self->path);
    if (!r)
        r = options->mode == STORE_SERVE ? open_serving(options, self) : open_beside(options, self);
    if (r == SQLITE_STORE_DAMAGED)
        r = sqlite_place_refuse(
            options,
            options->mode == STORE_SERVE
                ? "is damaged, and cannot be replaced"
                : "holds no outbox, or a damaged one; the relay mends it when it serves",
            NULL);
    if (r)
        return r;
    if (options->mode == STORE_SERVE)
        sqlite_place_warn(self->path);
    sqlite_hold_remember(&self->hold);
    self->opened = true;
    sqlite_room_claim(self);
    if (options->mode == STORE_SERVE)
        sqlite_room_reserve(self);
    *out = take(store);
    return 0;
}

int sqlite_store_open_saved(const char *path, struct store **out)
{
    struct sqlite_store *self = sqlite_store_new();
    cleanup(sqlite_store_closep) struct store *store = self ? &self->store : NULL;

    if (!self)
        return error_origin(-ENOMEM);
    self->path = strdup(path);
    if (!self->path)
        return error_origin(-ENOMEM);
    int rc = connect_file(self);
    if (rc == SQLITE_OK) /* thrown away if it fails, so that it needs no journal */
        rc = connect_exec(self, "PRAGMA page_size = 4096; PRAGMA journal_mode = OFF");
    if (rc == SQLITE_OK)
        rc = sqlite_schema_migrate(self->db);
    if (rc == SQLITE_OK)
        rc = sqlite_schema_prepare(self);
    if (rc != SQLITE_OK)
        return sqlite_store_outcome(self, rc);
    *out = take(store);
    return 0;
}
