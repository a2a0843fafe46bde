/* SPDX-License-Identifier: MIT */
/*
 * The connection to the SQLite file.
 *
 * secure_delete is FAST: most deleted records are overwritten, wherever that costs no extra write.
 * Large ones may stay in free pages, and copies in the WAL, until their room is used again. Full
 * wiping would double the writing, and the WAL would keep copies all the same.
 */
#include "outbox/sqlite_connect.h"

#include <errno.h>

#include "base/error.h"
#include "outbox/sqlite_header.h"
#include "outbox/sqlite_schema.h"
#include "outbox/sqlite_tally.h"
#include "outbox/sqlite_wal.h"

enum { BUSY_MS = 5000 };

int sqlite_connect_exec(struct sqlite_core *self, const char *sql)
{
    return sqlite3_exec(self->db, sql, NULL, NULL, NULL);
}

int sqlite_connect_file(struct sqlite_core *self)
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

/* A backup that a command opens keeps its journal mode, by which backups are known. Any other file
 * is in WAL mode while it is open, so that readers do not block a relay. */
static int connect_journal(struct sqlite_core *self, enum store_mode mode)
{
    int64_t application = 0;
    int rc = sqlite_schema_number(self->db, "PRAGMA application_id", &application);

    if (rc == SQLITE_OK && mode == STORE_BESIDE && application != SQLITE_APPLICATION)
        return rc;
    return rc == SQLITE_OK ? sqlite_connect_exec(self, "PRAGMA journal_mode = WAL") : rc;
}

int sqlite_connect_settings(struct sqlite_core *self, enum store_mode mode)
{
    int rc = sqlite_connect_exec(self, "PRAGMA page_size = 4096");

    if (rc == SQLITE_OK)
        rc = connect_journal(self, mode);
    if (rc == SQLITE_OK)
        rc = sqlite_connect_exec(self, "PRAGMA synchronous = FULL;"
                                       "PRAGMA secure_delete = FAST;"
                                       "PRAGMA cell_size_check = ON;"
                                       "PRAGMA temp_store = MEMORY");
    return rc == SQLITE_OK ? sqlite_wal_init(self) : rc;
}

/* Whether the WAL or its shared memory is no longer the file that SQLite opened: closing must then
 * neither fold in nor remove the new file of that name. */
static bool connect_has_foreign_wal(const struct sqlite_core *self)
{
    int moved = 0;

    return (sqlite3_file_control(self->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
            moved) ||
           sqlite_hold_moved(&self->hold) == HOLD_SHARED;
}

/*
 * The last process that closes the file leaves it whole, and takes the file out of WAL mode as a
 * sign. A WAL that is found beside such a file later belongs to another file.
 */
static void connect_seal(struct sqlite_core *self)
{
    if (!self->opened || sqlite_hold_moved(&self->hold) != HOLD_PLACES)
        return;
    (void)sqlite3_busy_timeout(self->db, 0);
    (void)sqlite_connect_exec(self,
                              "PRAGMA journal_mode = DELETE"); /* not where others have it open */
}

static void connect_finalize(struct sqlite_core *self)
{
    for (size_t i = 0; i < STMT_COUNT; i++) {
        (void)sqlite3_finalize(self->statements[i]);
        self->statements[i] = NULL;
    }
}

void sqlite_connect_close(struct sqlite_core *self)
{
    connect_finalize(self);
    if (self->db && connect_has_foreign_wal(self))
        (void)sqlite3_db_config(self->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)sqlite3_close(self->db); /* folds the WAL in, if no other process has the file open */
    self->db = NULL;
}

struct sqlite_core *sqlite_connect_new(void)
{
    struct sqlite_core *self = calloc(1, sizeof(*self));

    if (self) {
        self->hold = SQLITE_HOLD_NONE;
        self->reserve.fd = -1;
    }
    return self;
}

struct store *sqlite_connect_free(struct store *store)
{
    if (store) {
        struct sqlite_core *self = sqlite_core_of(store);
        sqlite_reserve_done(&self->reserve); /* the last folding may need its blocks */
        connect_finalize(self);
        sqlite_tally_done(self);
        sqlite_hold_serve_no_more(&self->hold);
        connect_seal(self);
        sqlite_connect_close(self);
        sqlite_hold_done(&self->hold);
        free(self->path);
        free(self);
    }
    return NULL;
}

int sqlite_connect_for_salvage(const char *path, struct store **out)
{
    struct sqlite_core *self = sqlite_connect_new();
    cleanup(sqlite_connect_freep) struct store *store = self ? &self->store : NULL;

    if (!self)
        return error_origin(-ENOMEM);
    self->path = strdup(path);
    if (!self->path)
        return error_origin(-ENOMEM);
    int rc = sqlite_connect_file(self);
    if (rc == SQLITE_OK) /* the file is thrown away on failure, and needs no journal */
        rc = sqlite_connect_exec(self, "PRAGMA page_size = 4096; PRAGMA journal_mode = OFF");
    if (rc == SQLITE_OK)
        rc = sqlite_schema_migrate(self->db);
    if (rc == SQLITE_OK)
        rc = sqlite_schema_prepare(self);
    if (rc != SQLITE_OK)
        return sqlite_core_outcome(self, rc);
    *out = take(store);
    return 0;
}
