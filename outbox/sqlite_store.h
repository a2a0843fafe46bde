/* SPDX-License-Identifier: MIT */
/* The store in an SQLite file: what its parts share. The interface is store.h. */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "outbox/sqlite_hold.h"
#include "outbox/store.h"

enum sqlite_statement {
    STMT_BEGIN,
    STMT_COMMIT,
    STMT_ROLLBACK,
    STMT_ADD_EVENT,
    STMT_ADD_BODY,
    STMT_FIND,
    STMT_DROP_EVENT,
    STMT_DROP_BODY,
    STMT_OVERTAKE,
    STMT_SET_TRIED,
    STMT_SET_DEAD,
    STMT_SET_MODEL_DEAD,
    STMT_SET_STATE,
    STMT_TAKE,
    STMT_MOVE_BODY,
    STMT_REFUSE,
    STMT_REFUSE_MODEL,
    STMT_BODY,
    STMT_READ_ALL,
    STMT_READ_MODEL,
    STMT_READ_STATE,
    STMT_READ_APART,
    STMT_READ_PENDING,
    STMT_READ_LETTERS,
    STMT_READ_OFFERS,
    STMT_NEXT_MODEL,
    STMT_NEXT_OFFERED,
    STMT_TALLIES,
    STMT_ADD_TALLY,
    STMT_NAME_TALLY,
    STMT_LAST_ID,
    STMT_SET_MARK,
    STMT_OLDEST,
    STMT_PENDING_OF,
    STMT_LETTERS_OF,
    STMT_OFFERED_OF,
    STMT_APART,
    STMT_PAGES,
    STMT_FREE_PAGES,
    STMT_DATA_VERSION,
    STMT_COUNT,
};

/* What a transaction changes in the counts of a model. */
struct sqlite_sums {
    int64_t delivered, discarded, pending, dead;
};

/* A model that has counts of its own. The first one is all others, without a name. */
struct sqlite_tallies {
    struct sqlite_tally {
        int64_t id;
        struct span model; /* ours */
        struct sqlite_sums change;
        bool changed;
    } * at;
    size_t len;
};

/* Ids and counts are below this one, to which no outbox comes: what is not is damage. */
#define SQLITE_NUMBERS_END (INT64_C(1) << 56)

struct sqlite_store {
    struct store store;
    char *path; /* real, from the root */
    struct sqlite_hold hold;
    bool opened; /* it was found well: its end may change the file */
    sqlite3 *db;
    sqlite3_stmt *statements[STMT_COUNT];
    int64_t data_version; /* as of the last call of changed() */

    int64_t max_bytes;     /* the quota; 0: none */
    int64_t reserve_bytes; /* of the disk, which only what frees room may use; 0: all for all */
    int reserve_fd;        /* of the file that holds the blocks; -1: none can */
    int64_t hold_bytes;    /* that it is to hold at least, */
    int64_t held_bytes;    /* and holds now; 0: they were given up */
    int64_t log_frames;    /* that a reader keeps in the log (WAL); 0: none, or too few to matter */
    bool told_pinned;      /* the log was told of it */

    struct sqlite_tallies tallies;
    bool named;      /* the transaction at hand has given some model counts of its own */
    int64_t used_id; /* the highest that it used, */
    int64_t mark;    /* and what no id is above, as it was told; 0: it was not */
    int spoilt;      /* what it ends with: it takes nothing more */
    bool room_known;
    int64_t room_bytes;     /* what it may still append */
    int64_t taken_bytes;    /* what it has appended */
    int64_t unfolded_bytes; /* of new pages that stand in the log alone */
    bool roomy;             /* since the last refusal an append has found room to spare */

    int health;           /* 0, STORE_FULL or STORE_BROKEN: what the log was told last */
    int64_t unread_ms;    /* when it was told last that something cannot be read; 0: never */
    bool fold;            /* the log is to be folded in, while there is room to do so */
    int64_t wanted_bytes; /* what did not fit */

    bool damaged;          /* it was found to be */
    bool half_mended;      /* what stands there is not what is open, but a mending's that failed */
    int64_t mend_at_ms;    /* not before, on the clock that never jumps */
    int64_t mend_pause_ms; /* between one try and the next */
    uint64_t rows_spoilt;  /* see struct store_counts */
};

extern const struct store_ops sqlite_store_ops;

static inline struct sqlite_store *sqlite_store_of(struct store *store)
{
    return (struct sqlite_store *)store;
}

static inline bool sqlite_store_serves(const struct sqlite_store *self)
{
    return self->hold.name_fd >= 0;
}

/* ---- sqlite_store.c ---- */

/*
 * The outcome of what SQLite returned: 0, STORE_FULL, STORE_BROKEN, STORE_REFUSED, -ENOMEM. Tells
 * the log when the store's health changes. Where the file turns out to be damaged, leaves a mark
 * that the relay, or its next start, sees.
 */
int sqlite_store_outcome(struct sqlite_store *self, int rc);

/* The same for what is part of a transaction, where there is one: anything but 0 spoils that. */
int sqlite_store_spoil(struct sqlite_store *self, int rc);

/* The same for what only reads. Other readings, and commits, may go well meanwhile: the log is told
 * once a minute. */
int sqlite_store_unread(struct sqlite_store *self, int rc);

/* Every change asks first. 0; or what the transaction ends with, which takes no more changes. */
int sqlite_store_take(struct sqlite_store *self);

/* Whether the files are where a start would look for them: 0, or as sqlite_store_outcome(). */
int sqlite_store_find(struct sqlite_store *self);

/* New events have no room. Tells the log once. Returns STORE_FULL. */
int sqlite_store_full(struct sqlite_store *self);

/* Runs a statement that was bound to its end, and clears what was bound. SQLITE_OK or an error. */
int sqlite_store_run(struct sqlite_store *self, enum sqlite_statement which);

/* The first column of a statement's first row. SQLITE_OK, or an error and *value is untouched. */
int sqlite_store_number(struct sqlite_store *self, enum sqlite_statement which, int64_t *value);

/* ---- sqlite_read.c ---- */

int sqlite_store_read(struct store *store, const struct store_filter *filter, store_row_fn fn,
                      void *ctx);
int sqlite_store_next_model(struct store *store, struct span after, struct buf *model);
int sqlite_store_next_offered_model(struct store *store, struct span after, struct buf *model);
int sqlite_store_counts(struct store *store, struct store_counts *counts);
int sqlite_store_rows(struct store *store, struct span model, struct store_rows *rows);
int sqlite_store_last_id(struct store *store, uint64_t *id);
int sqlite_store_changed(struct store *store, bool *changed);

/* ---- sqlite_room.c ---- */

/* Whether an errno says that the disk, a quota or a limit for files is full. */
bool sqlite_room_is_short(int error);

/* Whether that is why SQLite's last call failed, with an extended result. Ask before any other
 * call. */
bool sqlite_room_is_out(int rc);

/* Measures the disk; sets how large the reserve is, and how far the log (WAL) may grow before it is
 * folded in. An SQLite result. */
int sqlite_room_init(struct sqlite_store *self);

/* Has each commit of the connection looked at, which keeps where self is: again when that moves. */
void sqlite_room_watch(struct sqlite_store *self);

/* Gives the log (WAL) its room on disk ahead of need, where the file system can. */
void sqlite_room_claim(const struct sqlite_store *self);

/* Takes the reserve, until sqlite_room_done(); gives it up to whatever else finds no room. */
void sqlite_room_reserve(struct sqlite_store *self);
void sqlite_room_give_up(struct sqlite_store *self);
void sqlite_room_done(struct sqlite_store *self);

/* Folds the log into the file as far as readers let it. Not inside a transaction. */
void sqlite_room_fold(struct sqlite_store *self);

/* What a reader keeps in the log beyond what may be there anyhow. */
int64_t sqlite_room_pinned_bytes(const struct sqlite_store *self);

/* Takes the room for an append of that many bytes. 0, STORE_FULL, or as sqlite_store_outcome(). */
int sqlite_room_take(struct sqlite_store *self, int64_t bytes);

/* ---- sqlite_tend.c ---- */

int sqlite_store_tend(struct store *store);

/* ---- sqlite_schema.c ---- */

enum { SQLITE_STORE_DAMAGED = 100 }; /* beyond the outcomes of store.h */

/* The application_id of our files. */
enum {
    SQLITE_APPLICATION = 0x43767852,        /* "CvxR" */
    SQLITE_APPLICATION_BACKUP = 0x43767842, /* "CvxB": a copy that was not opened to serve yet */
};

/* The first column of what a query gives. SQLITE_OK, or an error and *value is untouched. */
int sqlite_schema_number(sqlite3 *db, const char *sql, int64_t *value);

/*
 * Whose file it is. 0: ours, or nobody's yet; SQLITE_STORE_DAMAGED; STORE_REFUSED and *text says
 * why; STORE_BROKEN.
 */
int sqlite_schema_identify(sqlite3 *db, bool may_migrate, const char **text);

/* Brings the tables up to this version's. An SQLite result. */
int sqlite_schema_migrate(sqlite3 *db);

/* Whether the file is sound: each tree, each index beside its table, and the tables beside each
 * other. An SQLite result. */
int sqlite_schema_check(sqlite3 *db, bool *sound);

int sqlite_schema_prepare(struct sqlite_store *self);

/* ---- sqlite_open.c ---- */

struct store *sqlite_store_close(struct store *store);

/* Opens the file anew, looks all of it over, and mends it where it is damaged. 0; or what is in the
 * way, which the log was told, and the store is as it was. */
int sqlite_store_reopen(struct sqlite_store *self);

/* Opens path, which must be there, for saving rows into it from a damaged one: not durable until
 * it is closed. */
int sqlite_store_open_saved(const char *path, struct store **store);

/* ---- sqlite_backup.c ---- */

int sqlite_store_backup(struct store *store, const struct store_backup *backup);

/* Where the file is a backup that was put in place: see struct store_ops. An SQLite result. */
int sqlite_backup_restore(struct sqlite_store *self);

/* Where from is a backup, to becomes one. An SQLite result. */
int sqlite_backup_copy_mark(sqlite3 *from, sqlite3 *to);

/* ---- sqlite_mend.c ---- */

/* Whether an earlier mending was cut short, or a log (WAL) has lost its file. */
bool sqlite_mend_unfinished(const char *path);

/* Whether name, with its folder's real path as path has it, is that of a file of the outbox's own.
 */
bool sqlite_mend_has_use_for(const char *path, const char *name);

/* Sets the file, which is damaged, aside. 0 or an -errno. */
int sqlite_mend_set_aside(const char *path);

/* Sets the log (WAL) beside a file that has none aside. 0 or an -errno. */
int sqlite_mend_set_log_aside(const char *path);

/* Saves what can be read of what was set aside into a new file at path; *rows_spoilt grows by how
 * many rows could not be. 0, also where a full disk has no room for them, and may_go_without;
 * STORE_FULL, STORE_BROKEN or an -errno, and it is back in its place. */
int sqlite_mend_finish(const char *path, bool may_go_without, uint64_t *rows_spoilt);

/*
 * Takes a file, and what belongs to it, away from everybody. One that came from elsewhere, such as
 * a copy that was put back, may have any mode, which its log and shared memory take from it. What
 * only its group may do, somebody has chosen. 0, also where it cannot be done, or -ENOMEM.
 */
int sqlite_mend_modes(const char *path);

/* Makes what was made or renamed in the file's folder survive a power cut. 0 or an -errno. */
int sqlite_mend_sync_folder(const char *path);

/* The file that asks the next start for a thorough look, however large the store is. */
void sqlite_mend_suspect(const char *path);
bool sqlite_mend_suspected(const char *path);
void sqlite_mend_trust(const char *path);
