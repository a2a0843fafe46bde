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
    OUTBOX_DELIVERED, /* row.id */
    OUTBOX_POSTPONE,  /* row: id, attempts, tried_ms, reason */
    OUTBOX_BURY,      /* row: id, attempts, tried_ms, reason, died_ms, stale */
    OUTBOX_OVERTAKES, /* row: id, model, record. Delivered, and not on disk: it counts, and older
                       * dead letters of its record become stale */
};

/*
 * DELIVERED, POSTPONE and BURY are for rows that are pending on disk. STORE_MISSING: there is none,
 * as when the append before has failed.
 */

/* Embedded by whoever waits for it, and kept in place, with all it points at, until done. */
struct outbox_op {
    enum outbox_kind kind;
    struct store_row row;
    bool patient; /* may wait some milliseconds for company, or to be withdrawn */
    /* On the loop. 0: it is on disk; STORE_FULL, STORE_BROKEN, STORE_MISSING or an -errno: it is
     * not. */
    void (*done)(struct outbox_op *op, int r);
    struct outbox_job job;
};

/* A row with copies of all it points at. */
TAILQ_HEAD(outbox_rows, outbox_row);
struct outbox_row {
    struct store_row row; /* body.at is malloc()ed alone: take it by setting it to NULL */
    TAILQ_ENTRY(outbox_row) link;
};
struct outbox_row *outbox_row_free(struct outbox_row *row);

/* Reads pending rows of one model that come after an id, or takes up replays of any model. */
struct outbox_read {
    struct span
        model; /* at NULL: replays, which become pending first (forced ones under new ids) */
    uint64_t after;
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
};

/*
 * A walk through the models that have pending rows, a step at a time. It begins before the first
 * model, where it stands on the rows that have none.
 */
struct outbox_walk {
    enum {
        OUTBOX_WALK_NEXT, /* to the next model; STORE_MISSING: there is none */
        OUTBOX_WALK_BURY, /* some of the model's rows become dead letters */
    } step;
    bool named;       /* it has begun: */
    struct buf model; /* where it stands; the walker's, who frees it */
    struct span reason;
    int64_t died_ms;
    uint64_t buried;                               /* by this step; 0: no pending row is left */
    void (*done)(struct outbox_walk *walk, int r); /* on the loop; r as in outbox_op */
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

/* The next event's id: rising, never used before, also over restarts. */
uint64_t outbox_next_id(struct outbox *outbox);

/* The last one that was given so far, by whomever. */
uint64_t outbox_last_id(const struct outbox *outbox);

void outbox_submit(struct outbox *outbox, struct outbox_op *op);

/* True: the writer had not taken it yet; it never happened, and done is not called. */
bool outbox_withdraw(struct outbox *outbox, struct outbox_op *op);

void outbox_submit_read(struct outbox *outbox, struct outbox_read *read);
void outbox_submit_census(struct outbox *outbox, struct outbox_census *census);

void outbox_submit_walk(struct outbox *outbox, struct outbox_walk *walk);

/* Whether some event of the record may be dead; now and then true where none is. */
bool outbox_may_have_letters(const struct outbox *outbox, struct span model, struct span record);

/*
 * The same as OUTBOX_OVERTAKES, as soon as the store takes it. Needs no answer, and costs a write
 * only where there may be such letters. 0; or -ENOMEM, and nothing happened.
 */
int outbox_delivered_unstored(struct outbox *outbox, uint64_t id, struct span model,
                              struct span record);

struct outbox_status {
    struct store_counts counts; /* as of the last commit */
    /* 0, or how the last changes ended: STORE_FULL, STORE_BROKEN. While there is nothing to write,
     * it is tried once a second whether they still would. */
    int failing;
    bool unreadable;          /* something in it could not be read within the last seconds */
    struct histogram commits; /* how long they took */
    bool replays;             /* there may be replays to take up; looked for once a second */
};
void outbox_status(struct outbox *outbox, struct outbox_status *status);

/* fn runs on the loop as soon as there are replays to take up, and again while there are. */
void outbox_on_replays(struct outbox *outbox, void (*fn)(void *ctx), void *ctx);
