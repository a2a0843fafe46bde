/* SPDX-License-Identifier: MIT */
/*
 * The store in a thread of its own, as the loop sees it.
 *
 * Operations are submitted on the loop and done on the loop. The writer takes all that wait,
 * commits once, and reports back: the more there is to do, the less each costs. They take effect
 * in the order of their submission. While the store fails, each is answered with the failure; the
 * writer goes on trying with the next ones, and so finds out by itself when the store is well
 * again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/histogram.h"
#include "base/loop.h"
#include "outbox/store.h"

struct outbox;

/* What the queues are made of: the outbox's own. */
struct outbox_job {
    TAILQ_ENTRY(outbox_job) link;
    enum {
        OUTBOX_JOB_OP,
        OUTBOX_JOB_READ,
        OUTBOX_JOB_WALK,
        OUTBOX_JOB_NAMING,
        OUTBOX_JOB_CENSUS,
        OUTBOX_JOB_OVERTAKEN
    } type;
    unsigned turn; /* of its submission */
    bool taken;    /* by the writer */
    int result;
};
TAILQ_HEAD(outbox_jobs, outbox_job);

enum outbox_kind {
    OUTBOX_APPEND,    /* row: all of it; state PENDING or DEAD */
    OUTBOX_DELIVERED, /* row: id, model, record. It goes, whatever its state is; older letters and
                       * offers of its record become stale. Also twice, and without a row */
    OUTBOX_POSTPONE,  /* row: id, attempts, tried_ms, reason. STORE_MISSING: it is not pending */
    OUTBOX_BURY,      /* row: all of it. It becomes a letter, whatever its state is; without a row
                       * it is stored as one. Twice is once */
    OUTBOX_TAKE,      /* row: id. An offer becomes pending. STORE_STALE: overtaken since, and a
                       * letter again; STORE_MISSING: no such offer */
    OUTBOX_REFUSE, /* row: id, reason. An offer is a letter again. STORE_MISSING: no such offer */
    OUTBOX_OVERTAKES, /* as DELIVERED with unstored; to go */
};

/* Embedded by whoever waits for it, and kept in place, with all it points at, until done. */
struct outbox_op {
    enum outbox_kind kind;
    struct store_row row;
    bool patient;    /* may wait some milliseconds for company, or to be withdrawn */
    bool unstored;   /* DELIVERED: it was certainly never stored, and counts where it has no row */
    uint64_t new_id; /* TAKE: from outbox_next_id() if it is forced, or else row.id */
    int64_t now_ms;  /* TAKE: since when its age counts, on the wall clock */
    /* On the loop. 0: it is on disk; STORE_FULL, STORE_BROKEN, STORE_MISSING, STORE_STALE or an
     * -errno: it is not. */
    void (*done)(struct outbox_op *op, int r);
    struct outbox_row *taken; /* TAKE, when done with 0: the row as it is now; the callee's */
    bool missing; /* DELIVERED, when done with 0: there was no row, and it did not count.
                   * Who knows by now that it was never stored has it counted by
                   * outbox_delivered_unstored() */
    struct outbox_job job;
};

/* A row with copies of all it points at. */
TAILQ_HEAD(outbox_rows, outbox_row);
struct outbox_row {
    struct store_row row; /* body.at is malloc()ed alone: take it by setting it to NULL */
    TAILQ_ENTRY(outbox_row) link;
};
struct outbox_row *outbox_row_free(struct outbox_row *row);

/*
 * Reads pending rows of one model with after < id <= upto; or, with offers, what the model has
 * offered and forced, without bodies. By rising id. (model.at NULL without offers: takes up replays
 * of any model; to go.)
 */
struct outbox_read {
    struct span model;
    bool offers;
    uint64_t after;
    uint64_t upto; /* 0: any */
    uint64_t rows_max;
    size_t bytes_max; /* of bodies; the first row comes whatever its size */
    /*
     * On the loop. rows have copies of everything and belong to the callee, who frees each with
     * outbox_row_free(). more: there are others behind the last of them. r as in outbox_op;
     * -EAGAIN: a letter may be among the replays that is stale, and not known to be.
     */
    void (*done)(struct outbox_read *read, struct outbox_rows *rows, bool more, int r);
    struct outbox_job job;
    struct outbox_rows rows; /* the outbox's own, as are the next ones */
    bool more;
    unsigned marks_failed; /* that the loop knew of when it was submitted */
    uint64_t new_id;
};

/*
 * A walk through the models that have offers, a step at a time. It begins before the first model,
 * where it stands on the offers that have none.
 */
struct outbox_walk {
    enum {
        OUTBOX_WALK_NEXT,         /* to the next model; STORE_MISSING: there is none */
        OUTBOX_WALK_REFUSE,       /* some of the model's offers, the oldest, are letters again */
        OUTBOX_WALK_NEXT_PENDING, /* the same of pending rows; to go */
        OUTBOX_WALK_BURY,
    } step;
    bool named;       /* it has begun: */
    struct buf model; /* where it stands; the walker's, who frees it */
    struct span reason;
    uint64_t refused;                              /* by this step; 0: no offer is left */
    void (*done)(struct outbox_walk *walk, int r); /* on the loop; r as in outbox_op */
    struct outbox_job job;
    int64_t died_ms; /* BURY */
    uint64_t buried;
};

/* Models that are to have counts of their own, from then on: those that a route names. */
struct outbox_naming {
    struct span *models; /* kept in place until done */
    size_t models_len;
    void (*done)(struct outbox_naming *naming, int r); /* on the loop; r as in outbox_op */
    struct outbox_job job;
};

/* Counts rows as they are between what was submitted before and after it. */
struct outbox_census {
    struct outbox_census_model {
        struct span model;
        struct store_rows rows;
    } * models;
    size_t models_len;
    struct store_rows all; /* of any model */
    /* On the loop. r as in outbox_op. */
    void (*done)(struct outbox_census *census, int r);
    struct outbox_job job;
};

/* Takes the store over, which the writer closes in the end. On failure it stays the caller's. 0,
 * STORE_BROKEN, or an -errno. */
int outbox_new(struct loop *loop, struct store *store, struct outbox **outbox);

/*
 * Waits until everything submitted has been tried, without calling done, and closes the store.
 * Takes NULL.
 */
struct outbox *outbox_free(struct outbox *outbox);
CLEANUP_POINTER(struct outbox, outbox_free);

/* The next event's id, also that of a forced offer: rising, never given before, also over restarts;
 * see outbox_ids.h. */
uint64_t outbox_next_id(struct outbox *outbox);

/* The last one that was given so far, by whomever. */
uint64_t outbox_last_id(const struct outbox *outbox);

void outbox_submit(struct outbox *outbox, struct outbox_op *op);

/* Of an append. True: it never happened, and done is not called. False: the writer has taken it; or
 * without it nothing on disk would keep its id from being given again. */
bool outbox_withdraw(struct outbox *outbox, struct outbox_op *op);

void outbox_submit_read(struct outbox *outbox, struct outbox_read *read);
void outbox_submit_census(struct outbox *outbox, struct outbox_census *census);

void outbox_submit_walk(struct outbox *outbox, struct outbox_walk *walk);
void outbox_submit_naming(struct outbox *outbox, struct outbox_naming *naming);

/* Whether some event of the record may be dead; now and then true where none is. */
bool outbox_may_have_letters(const struct outbox *outbox, struct span model, struct span record);

/*
 * The same as OUTBOX_DELIVERED with unstored, as soon as the store takes it. Needs no answer, and
 * costs a write only where there may be such letters. 0; or -ENOMEM, and nothing happened.
 */
int outbox_delivered_unstored(struct outbox *outbox, uint64_t id, struct span model,
                              struct span record);

/* Of such marks of letters, how many are not on disk yet. While there are any, nothing is to be
 * taken that may be one of those letters. */
unsigned outbox_marks_owed(const struct outbox *outbox);

struct outbox_status {
    struct store_counts counts; /* as of the last commit */
    /* 0, or how the last changes ended: STORE_FULL, STORE_BROKEN. While there is nothing to write,
     * it is tried once a second whether they still would. */
    int failing;
    bool unreadable;          /* something in it could not be read within the last seconds */
    struct histogram commits; /* how long they took */
    bool offers;              /* there may be some; looked for as outbox_on_offers() says */
};
void outbox_status(struct outbox *outbox, struct outbox_status *status);

/* fn runs on the loop when there may be offers that were not there before: at the start, and after
 * whatever another process changes, which is looked at once a second. */
void outbox_on_offers(struct outbox *outbox, void (*fn)(void *ctx), void *ctx);

struct outbox_tally {
    char *model; /* NULL: all others, which come first */
    struct store_tally counts;
};

struct outbox_tallies {
    struct outbox_tally *at;
    size_t len;
};

/* Counts of each model that was named, and of all others together: of one moment, as of the last
 * commit, with what outbox_delivered_unstored() was told since. 0, or -ENOMEM. */
int outbox_tallies(const struct outbox *outbox, struct outbox_tallies *tallies);
void outbox_tallies_done(struct outbox_tallies *tallies);
