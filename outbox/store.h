/* SPDX-License-Identifier: MIT */
/*
 * The store: where events that are not settled are kept. A seam of function pointers, so that there
 * can be another kind of store. Every call blocks: the server keeps the store in a separate thread
 * (outbox.h), and `convex-relay outbox` calls it directly.
 *
 * A row is an event. Changes stand between begin() and commit(). Once commit() has returned 0, they
 * survive a power cut. If commit() fails, none of them has happened; but if the process dies before
 * the next commit() that returns 0, the changes may turn up after all, since nobody can tell what a
 * failed write has left. A change or a reading that fails with STORE_FULL, STORE_BROKEN or an
 * -errno may spoil the transaction: then it admits no more changes, and commit() fails the same
 * way. If the transaction is not spoilt, its other changes are committed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/util.h"

struct store {
    const struct store_ops *ops;
    /*
     * The store gives the ids, in the transaction of the append, and nothing is sent before that is
     * committed: several relays may write into one such store. Its changes may be put off until the
     * commit, and its connection can be lost (STORE_AWAY). Otherwise the loop gives the ids, and an
     * event may be sent side by side with its append.
     */
    bool journal;
    const char *why_away; /* after STORE_AWAY: why, in one line without secrets; NULL: unknown */
    /* After STORE_AWAY: the store has given its connection up to go on in another way, and wants
     * resume() at once. That is no outage. */
    bool renews;
};

enum store_state {
    STORE_PENDING, /* not delivered yet */
    STORE_DEAD,    /* a dead letter */
    STORE_OFFERED, /* an offer: a letter that somebody replays, and that a relay is to take */
    STORE_FORCED,  /* an offer that gets a new id when it is taken */
};

enum {
    STORE_REFUSED = 1, /* cannot be opened, or cannot take this row: why says what to mend */
    STORE_FULL,        /* the quota or the disk is full */
    STORE_BROKEN,      /* the disk fails in another way, maybe only for now */
    STORE_MISSING,     /* there is no such row, or not in the state that the call is for */
    STORE_STALE,       /* a newer event of the record has been delivered */
    STORE_BUSY,        /* cannot be opened now: why says what is in the way */
    STORE_AWAY, /* a journal: the connection is lost, and resume() is to be called. Only after
                   a commit() that said so is it open whether the changes are made */
};

struct store_row {
    uint64_t id; /* the place in line: microseconds at arrival (outbox_ids.h) */
    enum store_state state;
    struct span model;  /* decoded, WTF-8; SPAN_NULL: the event named none */
    struct span record; /* SPAN_NULL: the event has no order */
    struct span body;   /* as it arrived */
    int64_t arrived_ms; /* wall clock, as all times here */
    int64_t since_ms;   /* the event's age counts from here; when appended, 0 means arrived_ms */
    int attempts;       /* begun so far */
    int64_t tried_ms;   /* when the last attempt began; 0: none did */
    struct span reason; /* why the last attempt failed, or why the event is dead; SPAN_NULL: none */
    int64_t died_ms;    /* when the event last became a letter; 0: never */
    bool stale;         /* a letter or offer, and a newer event of its record has been delivered */
    uint64_t was;       /* the id before the event was last forced; 0: it never was */
    struct span request; /* the id of the request that brought the event; SPAN_NULL: unknown */
    uint64_t sequence;   /* the sequence number of an import's line; 0: not from an import */
    struct span import;  /* the import's name; SPAN_NULL: not from an import */
};

/* Events and rows since the store was made. accepted is always the sum of the other four. */
struct store_counts {
    uint64_t accepted, delivered, discarded;
    uint64_t pending, dead; /* rows now; an offer counts as pending */
    int64_t oldest_ms;      /* the lowest since_ms of pending rows, without offers; 0: none */
    int64_t bytes;          /* on disk */
    int64_t pinned_bytes;   /* the part of bytes that a program which reads an old state pins */
    uint64_t spoilt;        /* the part of discarded that damage has cost since the opening */
};

/* The counts of one named model, or of all others together. */
struct store_tally {
    uint64_t accepted, delivered, discarded, pending, dead;
    uint64_t buried; /* how often an event became a letter; refused offers do not count again */
};

static inline void store_counts_add(struct store_counts *counts, const struct store_tally *tally)
{
    counts->accepted += tally->accepted;
    counts->delivered += tally->delivered;
    counts->discarded += tally->discarded;
    counts->pending += tally->pending;
    counts->dead += tally->dead;
}

/* model SPAN_NULL: all models that were not named. Anything but 0 ends the reading and is
 * returned. */
typedef int (*store_tally_fn)(void *ctx, struct span model, const struct store_tally *tally);

/* Called for each row, which is valid during the call. Must not change the store. Anything but 0
 * ends the reading and is returned. */
typedef int (*store_row_fn)(void *ctx, const struct store_row *row);

struct store_filter {
    enum store_state first, last; /* states from first to last */
    struct span model;            /* SPAN_NULL: any */
    uint64_t after;               /* ids above this one */
    uint64_t upto;                /* and not above this one; 0: no bound */
    uint64_t rows_max;            /* 0: no limit */
    bool bare;                    /* without bodies, which are not even read */
};

/* Called now and then during a backup; total_bytes is an estimate. Anything but 0 ends the backup
 * and is returned. */
typedef int (*store_progress_fn)(void *ctx, int64_t done_bytes, int64_t total_bytes);

struct store_backup {
    const char *path; /* of the new file */
    store_progress_fn progress;
    void *ctx;
    struct buf *why;
};

struct store_ops {
    int (*begin)(struct store *store);
    int (*commit)(struct store *store);
    void (*rollback)(struct store *store);

    /* Stores an event, which is accepted from then on. row->state is STORE_PENDING or STORE_DEAD;
     * the id must be new. A journal wants an id of 0, and has given one by the time commit() or
     * resume() says that the row is stored; the row must stay in place until then. Wants more room
     * than other changes, so that those still work where this one returns STORE_FULL. */
    int (*append)(struct store *store, struct store_row *row);
    /*
     * An event was delivered: the row of row->id goes, whatever its state, and older letters and
     * offers of row's model and record become stale (record SPAN_NULL: none do). Without a row:
     * unstored says that the event was certainly never stored, and counts it as accepted and
     * delivered; otherwise STORE_MISSING, and nothing counts. Letters become stale in either case.
     */
    int (*deliver)(struct store *store, const struct store_row *row, bool unstored);
    /* Counts n events of the model as accepted and delivered, which were never stored. */
    int (*count_delivered)(struct store *store, struct span model, uint64_t n);
    /* Letters and offers of the record that are older than id become stale. */
    int (*mark_stale)(struct store *store, uint64_t id, struct span model, struct span record);
    /* An attempt failed: stores attempts, tried_ms and reason. STORE_MISSING: no pending row. */
    int (*note_failure)(struct store *store, const struct store_row *row);
    /* Buries an event: its row becomes a letter, whatever the state, with row's attempts, tried_ms,
     * reason, died_ms and stale; a stale row stays stale. Without a row, a letter is appended,
     * which wants as much room as append(). */
    int (*bury)(struct store *store, const struct store_row *row);
    /* A letter becomes an offer; force: one that gets a new id when it is taken. STORE_MISSING: no
     * such letter; STORE_STALE, unless force. */
    int (*offer)(struct store *store, uint64_t id, bool force);
    /* An offer becomes pending, without attempts; its age counts from since_ms, and arrived_ms
     * stays. *new_id: id, or of a forced offer its new one, which a journal gives. STORE_STALE: a
     * newer event of the record was delivered since the offer, which is a letter again, with its
     * old reason. STORE_MISSING: no such offer. */
    int (*take_offer)(struct store *store, uint64_t id, uint64_t *new_id, int64_t since_ms);
    /* An offer is a letter again. The letter's reason says both why the event died and why the
     * replay was refused: "<reason>; replay refused: <why>"; a later refusal replaces an earlier
     * one. STORE_MISSING: no such offer. */
    int (*refuse)(struct store *store, uint64_t id, struct span why);
    /* Refuses the oldest offers of a model (SPAN_NULL: those that name none), rows_max at most. */
    int (*refuse_model)(struct store *store, struct span model, struct span why, uint64_t rows_max,
                        uint64_t *refused);
    /* Removes a letter for good. STORE_MISSING: no such letter. */
    int (*discard)(struct store *store, uint64_t id);
    /* Gives the model counts of its own: the rows move out of the counts of all others. Nothing for
     * a model that has such counts, or is called "other". Only for a store that serves. */
    int (*name)(struct store *store, struct span model);
    /* Sets the mark: no id above it was given so far (outbox_ids.h). */
    int (*set_id_mark)(struct store *store, uint64_t id);

    /* Calls fn for rows by rising id. The state that is read keeps its room on disk until this call
     * returns: read page by page where fn may take long. */
    int (*read)(struct store *store, const struct store_filter *filter, store_row_fn fn, void *ctx);
    /* Appends the name of the next model that has offers to *model, in the order of bytes; after
     * SPAN_NULL: the first one. STORE_MISSING: there is none. */
    int (*next_offered_model)(struct store *store, struct span after, struct buf *model);
    int (*counts)(struct store *store, struct store_counts *counts);
    /* Calls fn for each tally, all as of one moment; that of all others comes first. */
    int (*tallies)(struct store *store, store_tally_fn fn, void *ctx);
    /* Reads the mark. *id: no id above this one was ever given; 0: none was given at all. */
    int (*id_mark)(struct store *store, uint64_t *id);
    /* Whether another process has changed the store since the last call. Fails, as changes do,
     * where the files were moved. */
    int (*changed)(struct store *store, bool *changed);
    /* Called once a second by the relay that serves: mends damage that was found since, also by a
     * command beside it. Rows that cannot be saved count as discarded and spoilt; some that can be
     * saved become letters. 0, and *mended (which may be NULL) says whether there was damage;
     * STORE_BROKEN: the damage is not mended yet, and calls that meet it fail. */
    int (*tend)(struct store *store, bool *mended);
    /*
     * Copies the store, as of one moment, into a new file that only its owner may read; other
     * processes go on changing the store. The file appears once it is whole and on disk. Opened in
     * STORE_SERVE, the copy sends nothing unasked: its pending events become letters.
     * STORE_REFUSED: the file cannot be made, and *why has grown by one line that says why.
     */
    int (*backup)(struct store *store, const struct store_backup *backup);
    /* A journal, after STORE_AWAY: connects again, and finds out what became of the last
     * transaction. 0: *committed says for certain whether that one is committed, as if commit() had
     * said so; STORE_AWAY: the store is still away; STORE_BUSY: so it is, and another relay has
     * taken over meanwhile, and is there: this one must send nothing more. NULL for a store that is
     * no journal. */
    int (*resume)(struct store *store, bool *committed);
    /* A journal, for a copy that cannot tell that it is one (of the database's files): what is
     * pending becomes letters, as in a copy that backup() has made, and the members of the original
     * are closed. *buried: how many letters that makes. NULL for a store that is no journal. */
    int (*adopt)(struct store *store, uint64_t *buried);
    /* Takes NULL, and returns NULL. */
    struct store *(*close)(struct store *store);
};

/* Ends a transaction: commits where r is 0, and rolls back otherwise. Returns r, or what the commit
 * returns. */
static inline int store_end(struct store *store, int r)
{
    if (r == 0)
        return store->ops->commit(store);
    store->ops->rollback(store);
    return r;
}

/* ---- Opening ---- */

enum store_mode {
    STORE_SERVE,  /* for a relay, one at a time: makes a missing store, mends a damaged one */
    STORE_BESIDE, /* for a command, maybe beside a relay: the store must be there */
};

struct store_options {
    const char *path; /* of SQLite's file; store_open() takes any text of OUTBOX here */
    enum store_mode mode;
    int64_t max_bytes;   /* the quota; 0: none */
    struct clock *clock; /* of the pauses between mendings; NULL: the machine's */
    struct buf *why;     /* grows by one line where the store cannot be opened */

    /* A journal's alone. */
    const char *uri;        /* of the database, as libpq reads it; holds a secret maybe */
    const char *schema;     /* OUTBOX_SCHEMA: an identifier that needs no quotes */
    const char *name;       /* RELAY_NAME: what people call this member */
    const char *convex_url; /* all members have the same; NULL: a command, which needs none */
    int64_t lease_ms;       /* LEASE_MS */
    int64_t timeout_ms;     /* CONVEX_TIMEOUT_MS */
    /* Called once the database is there, maybe in another thread, with each line that says what
     * endangers the events in it; NULL: nobody wants to know. */
    void (*warn)(const char *line);
};
