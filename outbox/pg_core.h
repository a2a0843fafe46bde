/* SPDX-License-Identifier: MIT */
/* The core of the PostgreSQL store: what all of its files share. store_pg.h is what others see. */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "outbox/pg_array.h"
#include "outbox/pg_statement.h"
#include "outbox/store.h"

/* Where rows of event may be: one life of one process, which gave ids from low to high. */
struct pg_stream {
    int64_t member;
    int64_t low, high;
};

struct pg_streams {
    struct pg_stream *at;
    size_t len;
};

struct pg_sums {
    int64_t delivered, discarded, pending, dead, buried, bytes;
};

/* The models that have counts of their own, by rising number. The first one is all others. */
struct pg_tallies {
    struct pg_tally {
        int64_t number;
        struct span model;     /* a copy; of the first one SPAN_NULL */
        struct pg_sums sums;   /* as of the last commit */
        struct pg_sums change; /* by the transaction at hand */
    } * at;
    size_t len;
};

struct pg_core;

enum { PG_NAME_MAX = 32, PG_SUSPECTS_MAX = 1024 };

/* A result that is awaited. */
struct pg_awaited {
    enum pg_statement which;
    bool prepares; /* the result of preparing, and not of running it */
    /* Called with the result, unless it failed. 0, or what the whole then fails with. */
    int (*fn)(struct pg_core *self, const PGresult *result, void *ctx);
    void *ctx;
};

/* The changes that are gathered: pg_change.c. */
struct pg_changes;

struct pg_core {
    struct store store;
    struct pg_settings {
        char *uri, *schema, *name, *convex_url;
        int64_t max_bytes, lease_ms, timeout_ms;
        bool serves; /* STORE_SERVE */
        void (*warn)(const char *line);
    } settings;
    char *texts[PG_STATEMENTS]; /* with the schema's name */
    char names[PG_STATEMENTS][PG_NAME_MAX];

    bool unopened; /* the database was away at the start: resume() opens the store */
    bool looked;   /* its dangers were told */
    char *refusal; /* the latest one that was logged; or NULL */

    /* The connection. */
    PGconn *conn;
    bool pooled;                  /* a pooler stands in between, which exchanges sessions */
    bool unnamed;                 /* no statement is prepared under a name */
    bool prepared[PG_STATEMENTS]; /* in this connection */
    struct pg_awaited *awaited;
    size_t awaited_len, awaited_cap;
    PGresult *result; /* that is looked at */
    bool lost;        /* to be made anew by resume() */
    int quiet_ms;     /* a server that says nothing for so long is as good as away ... */
    int busy_ms;      /* ... unless it is at work, until it has said nothing for so long */
    bool unhurried;   /* one at work is waited for without end, also within a transaction */
    bool (*is_at_work)(struct pg_core *self); /* pg_watch_is_at_work() */
    int64_t session_pid;                      /* the server's process */
    void (*on_quiet)(struct pg_core *self);   /* called once where an answer takes long; or NULL */
    char code[8];                             /* SQLSTATE of what failed last */
    struct buf trouble; /* why it was lost, or what failed last; without a password */

    /* This member. */
    int64_t member;     /* 0: none yet */
    int64_t epoch;      /* as the one that sends; 0: it is not */
    int64_t cycle;      /* of the latest transaction */
    int64_t committed;  /* the latest cycle that is certainly committed */
    int64_t cleared;    /* the cycles up to this one are folded away */
    bool fenced;        /* was closed by another */
    bool was_committed; /* what resume() has found out of a transaction in doubt, and not told */
    struct pg_streams streams;
    int64_t highest_id; /* that this process has given, or has seen */

    /* The transaction at hand. */
    bool begun;          /* begin() was called */
    bool passing;        /* the fence is queued */
    bool opened;         /* PG_BEGIN is queued */
    int spoilt;          /* not 0: no more changes are admitted, and the commit fails with this */
    bool doubted;        /* its commit was sent, and no answer came */
    int64_t delivered;   /* how many events were found and delivered, by all transactions */
    bool roomy;          /* an append has found room to spare */
    int64_t taken_bytes; /* of the events that were appended */
    struct pg_changes *changes;

    struct pg_tallies tallies;
    bool outdated;          /* tallies are to be read anew */
    uint64_t others;        /* what other members have committed, as a number that only rises */
    uint64_t others_gone;   /* the part of these that was folded */
    uint64_t others_seen;   /* as of the last call of changed() */
    bool letters, troubles; /* whether there may be rows of these */
    struct pg_oldest {
        bool known;
        bool owed; /* an older value was told meanwhile */
        int64_t ms;
        int readings; /* within the second since since_ms, mono */
        int64_t since_ms;
    } oldest;

    /* Damage: pg_mend.h, pg_suspect.h. */
    bool reads;           /* rows: damage that is met concerns them alone */
    bool mended;          /* rows were set aside, which changed() has not told */
    uint64_t rows_spoilt; /* store_counts.spoilt */
    uint64_t buries;      /* the last row that the transaction at hand buries; 0: none */
    struct pg_suspects {
        uint64_t ids[PG_SUSPECTS_MAX];
        size_t len;
        size_t known;  /* the first ones, which can be neither read nor removed */
        int64_t at_ms; /* mono; when these are looked at again */
    } suspects;

    bool muted;        /* failures are told by their caller, and not in the log */
    int health;        /* what the latest log line says: 0 (well), STORE_FULL or STORE_BROKEN */
    int64_t failed_ms; /* mono; when that was the case last */
};

static inline struct pg_core *pg_core_of(struct store *store)
{
    return (struct pg_core *)store;
}

/* Notes that the connection is lost, for a reason in the words of libpq. Returns STORE_AWAY. */
int pg_core_lose(struct pg_core *self, const char *why);

/* The outcome for a result that failed. Logs changes of the store's health. */
int pg_core_outcome(struct pg_core *self, const PGresult *result);

/* Whether what failed last has met damage: of a row, a page or an index. */
bool pg_core_met_damage(const struct pg_core *self);

/* Whether that was an index, whose rows may be well. */
bool pg_core_met_damaged_index(const struct pg_core *self);

/* Whether the transaction admits another change: 0, or what its commit will fail with. */
int pg_core_admit(struct pg_core *self);

/* Where r is not 0, the transaction admits no more changes, and its commit fails with r. Returns
 * r. */
int pg_core_spoil(struct pg_core *self, int r);

/* Notes a commit: the store is well. */
void pg_core_note_well(struct pg_core *self);

/* Notes that new events have no room, and logs that once. Returns STORE_FULL. */
int pg_core_note_full(struct pg_core *self);

/* A number in a result. */
int64_t pg_core_number(const PGresult *result, int row, int column);

/* Bytes in a result; SPAN_NULL for NULL. Valid as long as the result. */
struct span pg_core_bytes(const PGresult *result, int row, int column);
