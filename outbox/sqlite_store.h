/* SPDX-License-Identifier: MIT */
/* The store in an SQLite file: what its parts share. */
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
    STMT_LAST_ID,
    STMT_SET_LAST_ID,
    STMT_OLDEST,
    STMT_PENDING_OF,
    STMT_LETTERS_OF,
    STMT_OFFERED_OF,
    STMT_PAGES,
    STMT_FREE_PAGES,
    STMT_DATA_VERSION,
    STMT_COUNT,
};

/* What a transaction changes in the counts of a model. */
struct sqlite_sums {
    int64_t delivered, discarded, pending, dead;
    int64_t buried; /* how often one of them became a letter */
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

    int64_t max_bytes; /* the quota; 0: none */
    struct sqlite_reserve reserve;
    int64_t log_frames; /* that a reader keeps in the log (WAL); 0: none, or too few to matter */
    bool told_pinned;   /* the log was told of it */

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

static inline struct sqlite_store *sqlite_store_of(struct store *store)
{
    return (struct sqlite_store *)store;
}

static inline bool sqlite_store_serves(const struct sqlite_store *self)
{
    return self->hold.name_fd >= 0;
}

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
int sqlite_store_admit(struct sqlite_store *self);

/* New events have no room. Tells the log once. Returns STORE_FULL. */
int sqlite_store_full(struct sqlite_store *self);

/* A commit went through. What frees room says nothing of what takes some. */
void sqlite_store_well(struct sqlite_store *self);

/* What a parameter of a statement is to be: a number, or bytes (SPAN_NULL: NULL), which must stay
 * until it has run. */
struct sqlite_value {
    bool is_bytes;
    int64_t number;
    struct span bytes;
};
#define SQLITE_NUMBER(n) ((struct sqlite_value){.number = (int64_t)(n)})
#define SQLITE_BYTES(span) ((struct sqlite_value){.is_bytes = true, .bytes = (span)})

/* The first parameters of a statement. SQLITE_OK or an error. */
int sqlite_store_bind(sqlite3_stmt *statement, const struct sqlite_value *values, size_t len);

/* Binds, runs a statement to its end, and clears what was bound. SQLITE_OK or an error. */
int sqlite_store_run(struct sqlite_store *self, enum sqlite_statement which,
                     const struct sqlite_value *values, size_t len);
#define SQLITE_RUN(self, which, ...)                                                               \
    sqlite_store_run(self, which, (const struct sqlite_value[]){__VA_ARGS__},                      \
                     array_len(((const struct sqlite_value[]){__VA_ARGS__})))

/* The first column of a statement's first row. SQLITE_OK, or an error and *value is untouched. */
int sqlite_store_number(struct sqlite_store *self, enum sqlite_statement which, int64_t *value);
