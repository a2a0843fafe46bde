/* SPDX-License-Identifier: MIT */
/*
 * What the loop asks of the outbox's thread, and what it is told: jobs, which are done in the order
 * of their submission, and a status.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/histogram.h"
#include "outbox/outbox_row.h"
#include "outbox/store.h"

/* What the queues are made of: the outbox's own. */
struct outbox_job {
    TAILQ_ENTRY(outbox_job) link;
    enum {
        OUTBOX_JOB_OP,
        OUTBOX_JOB_READ,
        OUTBOX_JOB_WALK,
        OUTBOX_JOB_NAMING,
        OUTBOX_JOB_STALE_MARK
    } type;
    unsigned flush; /* outbox.flushes when the job was staged */
    bool taken;     /* by the writer */
    int result;
};
TAILQ_HEAD(outbox_jobs, outbox_job);

enum outbox_kind {
    OUTBOX_APPEND,    /* row: all of it; state PENDING or DEAD */
    OUTBOX_DELIVERED, /* row: id, model, record. It goes, whatever its state is; older letters and
                       * offers of its record become stale. Also twice, and without a row */
    OUTBOX_NOTE_FAILURE, /* row: id, attempts, tried_ms, reason. STORE_MISSING: it is not pending */
    OUTBOX_BURY,   /* row: all of it. It becomes a letter, whatever its state is; without a row
                    * it is stored as one. Twice is once */
    OUTBOX_TAKE,   /* row: id. An offer becomes pending. STORE_STALE: overtaken since, and a
                    * letter again; STORE_MISSING: no such offer */
    OUTBOX_REFUSE, /* row: id, reason: why. An offer is a letter again. STORE_MISSING: no such offer
                    */
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
    outbox_prepare_fn prepare; /* TAKE: of what is taken; may be NULL */
    struct outbox_row *taken;  /* TAKE, when done with 0: the row as it is now; the callee's */
    bool missing; /* DELIVERED, when done with 0: there was no row, and it did not count.
                   * Who knows by now that it was never stored has it counted by
                   * outbox_delivered_unstored() */
    struct outbox_job job;
};

/*
 * Reads pending rows of one model with after < id <= upto; or, with offers, what the model has
 * offered and forced, without bodies. By rising id.
 */
struct outbox_read {
    struct span model;
    bool offers;
    uint64_t after;
    uint64_t upto; /* 0: any */
    uint64_t rows_max;
    size_t bytes_max;          /* of bodies; the first row comes whatever its size */
    outbox_prepare_fn prepare; /* of each row; may be NULL */
    /*
     * On the loop. rows have copies of everything and belong to the callee, who frees each with
     * outbox_row_free(). more: there are others behind the last of them. r as in outbox_op.
     */
    void (*done)(struct outbox_read *read, struct outbox_rows *rows, bool more, int r);
    struct outbox_job job;
    struct outbox_rows rows; /* the outbox's own, as are the next ones */
    bool more;
};

/*
 * A walk through the models that have offers, a step at a time. It begins before the first model,
 * where it stands on the offers that have none.
 */
struct outbox_walk {
    enum {
        OUTBOX_WALK_NEXT,   /* to the next model; STORE_MISSING: there is none */
        OUTBOX_WALK_REFUSE, /* some of the model's offers, the oldest, are letters again */
    } step;
    bool named;       /* it has begun: */
    struct buf model; /* where it stands; the walker's, who frees it */
    struct span reason;
    uint64_t refused;                              /* by this step; 0: no offer is left */
    void (*done)(struct outbox_walk *walk, int r); /* on the loop; r as in outbox_op */
    struct outbox_job job;
};

/* A mark: older letters and offers of a record become stale. The outbox's own. */
struct outbox_stale_mark {
    struct outbox_job job;
    uint64_t id;
    struct span model, record; /* point behind the struct */
};

/* Models that are to have counts of their own, from then on: those that a route names. */
struct outbox_naming {
    struct span *models; /* kept in place until done */
    size_t models_len;
    void (*done)(struct outbox_naming *naming, int r); /* on the loop; r as in outbox_op */
    struct outbox_job job;
};

struct outbox_status {
    struct store_counts counts; /* as of the last commit */
    /* 0, or how the last changes ended: STORE_FULL, STORE_BROKEN. While there is nothing to write,
     * it is tried once a second whether they still would. */
    int failing;
    bool unreadable;          /* something in it could not be read within the last seconds */
    struct histogram commits; /* how long they took */
    bool offers;              /* there may be some; looked for as outbox_on_offers() says */
};
