/* SPDX-License-Identifier: MIT */
/*
 * Jobs: what the loop asks of the writer, done in the order of their submission; and the status
 * that the writer reports.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/histogram.h"
#include "outbox/outbox_row.h"
#include "outbox/store.h"

/* What every job embeds: its place in a queue. Only outbox/ reads these fields. */
struct outbox_job {
    TAILQ_ENTRY(outbox_job) link;
    enum {
        OUTBOX_JOB_OP,
        OUTBOX_JOB_GROUP,
        OUTBOX_JOB_READ,
        OUTBOX_JOB_WALK,
        OUTBOX_JOB_NAMING,
        OUTBOX_JOB_STALE_MARK
    } type;
    unsigned flush; /* outbox.flushes when the job was staged */
    bool taken;     /* by the writer, so that it cannot be withdrawn */
    bool given_up;  /* while the store is away: the writer is not to try it once more */
    int result;     /* what done is called with */
};
TAILQ_HEAD(outbox_jobs, outbox_job);

/* What an operation changes. Each comment says what row must hold, and what r of done can be beyond
 * 0 and failures. */
enum outbox_kind {
    /* Stores an event. row: all of it, with state STORE_PENDING or STORE_DEAD; a journal gives
     * row.id. STORE_AWAY: given up while the store was away. */
    OUTBOX_APPEND,
    /* An event was delivered: the row goes, whatever the state; older letters and offers of its
     * record become stale. Also without a row, and twice. row: id, model, record. */
    OUTBOX_DELIVERED,
    /* An attempt failed. row: id, attempts, tried_ms, reason. STORE_MISSING: no pending row. */
    OUTBOX_NOTE_FAILURE,
    /* Buries an event: the row becomes a letter, whatever the state; without a row, a letter is
     * stored. Twice is once. row: all of it. */
    OUTBOX_BURY,
    /* An offer becomes pending. row: id. STORE_STALE: overtaken, and a letter again; STORE_MISSING:
     * no such offer. */
    OUTBOX_TAKE,
    /* An offer is a letter again. row: id; reason: why. STORE_MISSING: no such offer. */
    OUTBOX_REFUSE,
};

/* One change of one event. */
struct outbox_op {
    enum outbox_kind kind;
    struct store_row row;
    bool patient;    /* may wait some milliseconds for other jobs, or to be withdrawn */
    bool unstored;   /* DELIVERED: the event was certainly never stored; counts without a row */
    uint64_t new_id; /* TAKE: the id from then on; row.id, or of a forced offer a new one, which a
                        journal gives */
    int64_t now_ms;  /* TAKE: wall clock; the event's age counts from here */
    /* Called on the loop. r: 0, and the change is on disk; or STORE_FULL, STORE_BROKEN,
     * STORE_MISSING, STORE_STALE or an -errno, and it is not. */
    void (*done)(struct outbox_op *op, int r);
    outbox_prepare_fn prepare;    /* TAKE: of the row that is taken; may be NULL */
    struct outbox_row *taken_row; /* TAKE, with r == 0: the row afterwards; the callee frees it */
    /* DELIVERED, with r == 0: there was no row, and nothing was counted. A caller that knows by
     * then that the event was never stored calls outbox_delivered_unstored(). */
    bool missing;
    struct outbox_job job;
};

/* Operations of which all take effect, in their order, or none: OUTBOX_APPEND and OUTBOX_BURY. A
 * struct that is all zero, but for done, is made ready by outbox_group_init(). */
struct outbox_group {
    struct outbox_jobs ops; /* each the job of a struct outbox_op */
    size_t bytes;           /* of the rows' bodies */
    /* Called on the loop, behind done of each operation; all get the same r, as of outbox_op. */
    void (*done)(struct outbox_group *group, int r);
    struct outbox_job job;
};

/*
 * Reads rows of one model by rising id: pending rows with after < id <= upto; or, with offers,
 * offered and forced ones, without their bodies.
 */
struct outbox_read {
    struct span model;
    bool offers;
    uint64_t after;
    uint64_t upto; /* 0: no bound */
    uint64_t rows_max;
    size_t bytes_max;          /* of bodies together; the first row comes whatever its size */
    outbox_prepare_fn prepare; /* of each row; may be NULL */
    /*
     * Called on the loop. rows: copies, which the callee frees by outbox_row_free(). more: other
     * rows follow the last of these. r: as of outbox_op.
     */
    void (*done)(struct outbox_read *read, struct outbox_rows *rows, bool more, int r);
    struct outbox_job job;
    struct outbox_rows rows; /* the outbox's own */
    bool more;               /* the outbox's own */
};

/*
 * A walk through the models that have offers. Each step is one job. A new walk stands at the offers
 * that name no model, which come before the first model.
 */
struct outbox_walk {
    enum {
        OUTBOX_WALK_NEXT,   /* goes to the next model; STORE_MISSING: there is none */
        OUTBOX_WALK_REFUSE, /* refuses some offers of the model, the oldest first */
    } step;
    bool named;         /* the walk stands at a model; false: at the offers that name none */
    struct buf model;   /* the name of that model; the submitter frees it */
    struct span reason; /* why offers are refused */
    uint64_t refused;   /* how many this step refused; 0: the model has no offer left */
    void (*done)(struct outbox_walk *walk, int r); /* called on the loop; r: as of outbox_op */
    struct outbox_job job;
};

/* A stale mark: letters and offers of a record that are older than id become stale. The outbox's
 * own. */
struct outbox_stale_mark {
    struct outbox_job job;
    uint64_t id;
    struct span model, record; /* their bytes stand behind the struct */
};

/* Gives models counts of their own. The relay asks for that once a route names the model. */
struct outbox_naming {
    struct span *models;
    size_t models_len;
    void (*done)(struct outbox_naming *naming, int r); /* called on the loop; r: as of outbox_op */
    struct outbox_job job;
};

enum { OUTBOX_WHY_MAX = 200 };

struct outbox_status {
    bool known;                    /* the store was there once: its counts are known */
    struct store_counts counts;    /* as of the last commit */
    bool away;                     /* the store's connection is lost: jobs wait until it is back */
    unsigned times_away;           /* how often the store has gone away */
    char why_away[OUTBOX_WHY_MAX]; /* the last time; empty: unknown */
    bool taken_over;               /* another relay sends what the store holds */
    int64_t away_since_ms;         /* mono, by the loop's clock; while away */
    /* How the latest changes ended: 0, STORE_FULL or STORE_BROKEN. A store that fails is tried once
     * a second, even if there is nothing to write. */
    int failing;
    bool unreadable;          /* a reading failed within the last seconds */
    struct histogram commits; /* ms that each commit took */
    bool offers;              /* the store may have offers */
};
