/* SPDX-License-Identifier: MIT */
/* The core of the SQLite store: what all of its files share. store_sqlite.h is what others see. */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "outbox/sqlite_hold.h"
#include "outbox/sqlite_reserve.h"
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
    STMT_MARK_STALE,
    STMT_NOTE_FAILURE,
    STMT_SET_DEAD,
    STMT_SET_STATE,
    STMT_TAKE_OFFER,
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
    STMT_NEXT_OFFERED,
    STMT_TALLIES,
    STMT_ADD_TALLY,
    STMT_NAME_TALLY,
    STMT_ID_MARK,
    STMT_SET_ID_MARK,
    STMT_OLDEST,
    STMT_PENDING_OF,
    STMT_LETTERS_OF,
    STMT_OFFERED_OF,
    STMT_PAGES,
    STMT_FREE_PAGES,
    STMT_DATA_VERSION,
    STMT_COUNT,
};

/* By how much a transaction changes the counts of a model. */
struct sqlite_sums {
    int64_t delivered, discarded, pending, dead;
    int64_t buried; /* how often an event became a letter */
};

/* The models that have counts of their own. The first entry is all others, without a name. */
struct sqlite_tallies {
    struct sqlite_tally {
        int64_t id;
        struct span model;         /* a copy */
        struct sqlite_sums change; /* by the transaction at hand */
        bool changed;              /* change is to be written */
    } * at;
    size_t len;
};

/* Ids and counts are below this number, which no outbox reaches: a larger one is damage. */
#define SQLITE_NUMBERS_END (INT64_C(1) << 56)

struct sqlite_core {
    struct store store;
    char *path; /* the real one, from the root */
    struct sqlite_hold hold;
    bool opened; /* the file was found sound, so that closing may change it */
    sqlite3 *db;
    sqlite3_stmt *statements[STMT_COUNT];
    int64_t data_version; /* PRAGMA data_version, as of the last call of changed() */

    int64_t max_bytes; /* the quota; 0: none */
    struct sqlite_reserve reserve;
    int64_t pinned_frames; /* frames in the WAL while a reader pins some of them; 0: none does */
    bool told_pinned;      /* a log line has told of that reader */

    struct sqlite_tallies tallies;
    /* The transaction at hand. */
    bool named;          /* a model got counts of its own */
    int64_t used_id;     /* the highest id that was stored */
    int64_t mark;        /* what set_id_mark() was told; 0: nothing */
    int spoilt;          /* not 0: no more changes are admitted, and the commit fails with this */
    bool room_known;     /* room_bytes and unfolded_bytes were measured */
    int64_t room_bytes;  /* what may still be appended */
    int64_t taken_bytes; /* what was appended */
    int64_t unfolded_bytes; /* new pages that stand in the WAL alone, as of the measuring */

    bool roomy; /* an append has found room to spare since the last STORE_FULL */
    int health; /* what the latest log line says: 0 (well), STORE_FULL or STORE_BROKEN */
    int64_t told_unreadable_ms; /* mono; when a log line last told of a failed reading; 0: never */
    bool fold;                  /* the WAL is to be folded in as soon as no transaction is open */
    int64_t wanted_bytes;       /* what the append that was refused last wanted */

    bool damaged;     /* damage was found, and is not mended */
    bool half_mended; /* a mending failed after it had moved the file that is open */
    struct clock *clock;
    int64_t mend_at_ms;    /* mono; no mending is tried before */
    int64_t mend_pause_ms; /* between two tries */
    uint64_t rows_spoilt;  /* store_counts.spoilt */
};

static inline struct sqlite_core *sqlite_core_of(struct store *store)
{
    return (struct sqlite_core *)store;
}

/* Whether the store was opened in STORE_SERVE. */
static inline bool sqlite_core_serves(const struct sqlite_core *self)
{
    return self->hold.name_fd >= 0;
}

/*
 * The outcome for an SQLite result: 0, STORE_FULL, STORE_BROKEN, STORE_REFUSED or -ENOMEM. Logs
 * changes of the store's health. Damage leaves a file beside the store, by which the relay or the
 * next start learns of it.
 */
int sqlite_core_outcome(struct sqlite_core *self, int rc);

/* The same for a change: anything but 0 spoils the transaction at hand. */
int sqlite_core_spoil(struct sqlite_core *self, int rc);

/* The same for a reading, which spoils the transaction as well. Other readings and commits may
 * succeed meanwhile, so health stays, and a log line tells of failed readings once a minute. */
int sqlite_core_spoil_read(struct sqlite_core *self, int rc);

/* Whether the transaction at hand admits a change; each change asks that first. 0; or what the
 * commit will fail with. */
int sqlite_core_admit(struct sqlite_core *self);

/* Notes that new events have no room, and logs that once. Returns STORE_FULL. */
int sqlite_core_note_full(struct sqlite_core *self);

/* Notes a commit that succeeded: the store is well. But a store that was full stays full until an
 * append has found room. */
void sqlite_core_note_well(struct sqlite_core *self);

/* A parameter of a statement: a number, or bytes (SPAN_NULL: NULL), which must stay until the
 * statement has run. */
struct sqlite_value {
    bool is_bytes;
    int64_t number;
    struct span bytes;
};
#define SQLITE_NUMBER(n) ((struct sqlite_value){.number = (int64_t)(n)})
#define SQLITE_BYTES(span) ((struct sqlite_value){.is_bytes = true, .bytes = (span)})

/* Binds the first parameters of a statement. SQLITE_OK or an error. */
int sqlite_core_bind(sqlite3_stmt *statement, const struct sqlite_value *values, size_t len);

/* Binds values, runs the statement to its end, and clears the parameters. SQLITE_OK or an error. */
int sqlite_core_run(struct sqlite_core *self, enum sqlite_statement which,
                    const struct sqlite_value *values, size_t len);
#define SQLITE_RUN(self, which, ...)                                                               \
    sqlite_core_run(self, which, (const struct sqlite_value[]){__VA_ARGS__},                       \
                    array_len(((const struct sqlite_value[]){__VA_ARGS__})))

/* Reads the first column of a statement's first row. SQLITE_OK; or an error, and *value stays. */
int sqlite_core_number(struct sqlite_core *self, enum sqlite_statement which, int64_t *value);
