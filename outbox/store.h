/* SPDX-License-Identifier: MIT */
/*
 * Where events that are not settled are kept: a handful of operations, behind a seam, so that a
 * second kind of store can come. Everything here blocks; the server keeps it in a thread of its
 * own (outbox.h), `convex-relay outbox` calls it directly.
 *
 * A row is an event. Changes stand between begin() and commit(); once that has returned 0 they
 * survive a power cut. When it fails, none of them has happened; but if the process dies before
 * the next commit that returns 0, they may turn out to have, since of a write that failed nobody
 * can tell what it has left. A change that fails with STORE_FULL, STORE_BROKEN or an -errno may
 * have spoilt the transaction, as may a reading in it: then no more changes are taken, and commit()
 * fails the same way. Where it has not, the other changes are committed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/util.h"

struct store {
    const struct store_ops *ops;
};

enum store_state {
    STORE_PENDING,
    STORE_DEAD,    /* a letter */
    STORE_OFFERED, /* waits to be taken, and keeps its id: a letter that is to be sent again */
    STORE_FORCED,  /* the same, and gets a new id when it is taken */
};

enum {
    STORE_REFUSED = 1, /* cannot be opened, or cannot take this: why says what to mend */
    STORE_FULL,        /* the quota or the disk is full */
    STORE_BROKEN,      /* the disk fails in another way; later it may not */
    STORE_MISSING,     /* no such row, or not in that state */
    STORE_STALE,       /* a newer event of the record was delivered since */
    STORE_BUSY,        /* cannot be opened now, and later it may: why says what is in the way */
};

struct store_row {
    uint64_t id; /* the place in line: microseconds at arrival, see outbox_ids.h */
    enum store_state state;
    struct span model;  /* decoded, WTF-8; SPAN_NULL: the event named none */
    struct span record; /* SPAN_NULL: the event has no order */
    struct span body;   /* as it arrived */
    int64_t arrived_ms; /* wall clock, as all times here */
    int64_t since_ms;   /* since when its age counts; 0 where it is stored: arrived_ms */
    int attempts;
    int64_t tried_ms;   /* the last attempt; 0: none */
    struct span reason; /* why the last attempt failed, or why it is dead; SPAN_NULL: nothing yet */
    int64_t died_ms;    /* the last time; 0: it has never been dead */
    bool stale;         /* dead or offered, and a newer event of its record was delivered since */
    uint64_t was;       /* the id that it had before it was last forced; 0: none */
    struct span request; /* the id of the request that brought it; SPAN_NULL: not known */
    uint64_t sequence;   /* the number of a line of an import; 0: it is none */
    struct span import;  /* and the import's name; SPAN_NULL */
};

/* What there is, and what there was since the store was made. accepted is always the sum of the
 * other four. */
struct store_counts {
    uint64_t accepted, delivered, discarded;
    uint64_t pending, dead; /* rows; what is offered counts as pending */
    int64_t oldest_ms;      /* since when the oldest pending one waits (no offer); 0: none */
    int64_t bytes;          /* on disk */
    int64_t pinned_bytes;   /* of them, what somebody who reads an old state keeps from going */
    uint64_t spoilt;        /* of discarded: rows that could not be read, since it was opened */
};

/* The same of one model that was named, or of all others together. */
struct store_tally {
    uint64_t accepted, delivered, discarded, pending, dead;
    uint64_t buried; /* how often one of them died; not what an offer that is refused does */
};

static inline void store_counts_add(struct store_counts *counts, const struct store_tally *tally)
{
    counts->accepted += tally->accepted;
    counts->delivered += tally->delivered;
    counts->discarded += tally->discarded;
    counts->pending += tally->pending;
    counts->dead += tally->dead;
}

/* model.at NULL: all models that were not named. Anything but 0 ends the reading and is returned.
 */
typedef int (*store_tally_fn)(void *ctx, struct span model, const struct store_tally *tally);

/* Called for each row, which is good until it returns, and must not change the store. Anything but
 * 0 ends the reading and is returned. */
typedef int (*store_row_fn)(void *ctx, const struct store_row *row);

struct store_filter {
    enum store_state first, last; /* STORE_PENDING..STORE_FORCED: all */
    struct span model;            /* at NULL: any */
    uint64_t after;               /* ids above this one only, */
    uint64_t upto;                /* and not above this one; 0: any */
    uint64_t rows_max;            /* 0: no limit */
    bool bare;                    /* without bodies, which are not even looked at */
};

/* Called now and then, with about what there will be. Anything but 0 ends it and is returned. */
typedef int (*store_progress_fn)(void *ctx, int64_t done_bytes, int64_t total_bytes);

struct store_backup {
    const char *path; /* of the file to be made */
    store_progress_fn progress;
    void *ctx;
    struct buf *why;
};

struct store_ops {
    int (*begin)(struct store *store);
    int (*commit)(struct store *store);
    void (*rollback)(struct store *store);

    /* One more event, accepted. row->state is STORE_PENDING or STORE_DEAD; the id must be new.
     * Needs more room than other changes do, so that those go on where this one returns STORE_FULL.
     */
    int (*append)(struct store *store, const struct store_row *row);
    /*
     * Delivered: the row of row->id goes, whatever its state is, and older letters and offers of
     * row's model and record become stale (record SPAN_NULL: there are none). Where there is no
     * row, it counts as accepted and delivered if it was never stored (unstored); or else
     * STORE_MISSING, and nothing counts, but letters are marked as stale all the same.
     */
    int (*deliver)(struct store *store, const struct store_row *row, bool unstored);
    /* n events of the model were delivered, and never stored: they count. */
    int (*count_delivered)(struct store *store, struct span model, uint64_t n);
    /* Older letters and offers of the record become stale. */
    int (*mark_stale)(struct store *store, uint64_t id, struct span model, struct span record);
    /* An attempt failed: attempts, tried_ms and reason are kept. STORE_MISSING: not pending. */
    int (*note_failure)(struct store *store, const struct store_row *row);
    /* Becomes a letter, whatever its state is: attempts, tried_ms, reason, died_ms and stale are
     * kept, and it stays stale if it was. Where there is no row, it is appended as a letter, which
     * needs as much room. */
    int (*bury)(struct store *store, const struct store_row *row);
    /* A letter is offered; force: it is to get a new id when it is taken. Its age counts from there
     * in both cases; arrived_ms stays that of the first arrival. STORE_MISSING: it is no letter;
     * STORE_STALE, unless force. */
    int (*offer)(struct store *store, uint64_t id, bool force);
    /* An offer becomes pending under new_id, which is id unless it is forced: without attempts,
     * and with since_ms. STORE_STALE: overtaken since it was offered; it is a letter again, with
     * the reason that it had.
     * STORE_MISSING: no such offer. */
    int (*take_offer)(struct store *store, uint64_t id, uint64_t new_id, int64_t since_ms);
    /* An offer is a letter again. Its reason says what it died of, and why its replay was refused:
     * "<reason>; replay refused: <why>", of several refusals the last. STORE_MISSING: no such
     * offer. */
    int (*refuse)(struct store *store, uint64_t id, struct span why);
    /* The same of the oldest offers of a model (SPAN_NULL: of none), rows_max at most. */
    int (*refuse_model)(struct store *store, struct span model, struct span why, uint64_t rows_max,
                        uint64_t *refused);
    /* A letter goes for good. STORE_MISSING. */
    int (*discard)(struct store *store, uint64_t id);
    /* The model gets counts of its own: what there is of it leaves those of all others. Again, and
     * of a model that is called "other", it is nothing. For who serves, alone. */
    int (*name)(struct store *store, struct span model);
    /* No id above this one was given so far: what last_id() says from then on. */
    int (*set_last_id)(struct store *store, uint64_t id);

    /* Rows by rising id. What is read stays readable, and keeps its room on disk, until this
     * returns: read page by page where fn may take long. */
    int (*read)(struct store *store, const struct store_filter *filter, store_row_fn fn, void *ctx);
    /* The next model that has offers, by its bytes; after.at NULL: the first. STORE_MISSING: there
     * is none. *model grows by it. */
    int (*next_offered_model)(struct store *store, struct span after, struct buf *model);
    int (*counts)(struct store *store, struct store_counts *counts);
    /* All of one moment; that of all others comes first. */
    int (*tallies)(struct store *store, store_tally_fn fn, void *ctx);
    int (*last_id)(struct store *store, uint64_t *id); /* no higher one was ever given; 0: none */
    /* Whether somebody else has changed the store since the last call. Fails where changes would,
     * because the store is not where it was. */
    int (*changed)(struct store *store, bool *changed);
    /* Called once a second by who serves: mends what was found to be damaged since, by a command
     * beside it, too. Rows that cannot be saved are discarded, and spoilt; some that can are
     * letters then. 0, and *mended (which may be NULL) says whether that was so; STORE_BROKEN: it
     * is damaged. Until it is mended, what is in the way of the damage fails. */
    int (*tend)(struct store *store, bool *mended);
    /*
     * Copies the store, as it is at that moment, into a new file that only its owner may read;
     * others go on changing it meanwhile. The file is there once it is whole and on disk. A store
     * that is opened on it in STORE_SERVE sends nothing of it: what was pending becomes dead
     * letters. STORE_REFUSED: it cannot be made, and *why has grown by one line that says why.
     */
    int (*backup)(struct store *store, const struct store_backup *backup);
    struct store *(*close)(struct store *store);
};

/* Commits what has gone well, and rolls back what has not (r is not 0). r, or what the commit
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
    STORE_SERVE,  /* made where it is missing, mended where it is broken; one at a time */
    STORE_BESIDE, /* for a command, while a server may be running; must be there */
};

struct store_options {
    const char *path;
    enum store_mode mode;
    int64_t max_bytes; /* the quota; 0: none */
    struct buf *why;
};
