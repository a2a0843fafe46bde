/* SPDX-License-Identifier: MIT */
/* What a transaction gathers, and how that becomes statements. */
#pragma once

#include "outbox/pg_core.h"

enum {
    PG_STAGE_ROWS_MAX = 1024,      /* of one statement: as many ids as a number is */
    PG_STAGE_BYTES_MAX = 32 << 20, /* of bodies in one statement, unless one is larger */
    PG_STAGE_BITS = 1 << 14,       /* of a set of hashes */
    PG_STAGE_EVENT_COLUMNS = 11,   /* EVENT_COLUMNS of pg_statement.c */
    PG_STAGE_LETTER_COLUMNS = 16,  /* LETTER_COLUMNS */
};

/* A set of hashes, which may hold more than what was added. */
struct pg_set {
    uint64_t bits[PG_STAGE_BITS / 64];
    bool any;
};

/* Rows that draw their ids from one number. */
struct pg_change_chunk {
    size_t first, len; /* in rows */
};

struct pg_changes {
    struct pg_array append[PG_STAGE_EVENT_COLUMNS];
    struct pg_array append_models, append_counts, append_bytes; /* what they count for */
    struct pg_change_kind {
        struct span model;
        int64_t n, bytes;
    } kinds[PG_STAGE_ROWS_MAX];
    size_t kinds_len;
    int64_t body_bytes; /* of this statement */

    struct pg_array note[5]; /* member, id, attempts, tried_ms, reason */
    struct pg_array bury_places[2];
    struct pg_array bury[PG_STAGE_LETTER_COLUMNS];
    bool bury_draws;
    struct pg_array settle_places[2], settle_ids;
    struct pg_array stale[4]; /* lane, id, model, record */
    struct pg_array count[2]; /* model, n */

    struct pg_set noted, buried, buried_lanes, settled, settled_lanes;

    /* Of the whole transaction. */
    struct pg_change_row {
        struct store_row *row; /* NULL: has an id of its own, or is a copy */
    } * rows;
    size_t rows_len, rows_cap;
    size_t append_first, bury_first; /* rows of the statement that is gathered */
    struct pg_change_chunk *chunks;
    size_t chunks_len, chunks_cap;
};

/* 0 or -ENOMEM. */
int pg_stage_init(struct pg_core *self);
void pg_stage_done(struct pg_core *self);

/* Queues what is gathered, behind the fence, and begins another stage. alone: the transaction ends
 * with it. 0; or a failure, which spoils the transaction. */
int pg_stage_queue(struct pg_core *self, bool alone);

/* Whether anything is gathered. */
bool pg_stage_any(const struct pg_core *self);

/* Gives appended rows the ids of the numbers that a lookup has found, by rising number. False:
 * these are not as many as there should be. */
bool pg_stage_give_ids(struct pg_core *self, const int64_t *bases, size_t len);

/* Forgets the changes. lost: they never happened, and rows that were given ids have none again. */
void pg_stage_forget(struct pg_core *self, bool lost);

/* A pg_result_fn of statements with the columns of enum pg_column: adds to the tallies' changes.
 * ctx: NULL, or what is to be told. */
struct pg_told {
    int rows;
    int64_t number; /* of the first row */
    struct pg_sums sums;
};
int pg_stage_take_sums(struct pg_core *self, const PGresult *result, void *ctx);

/* ---- Sets ---- */

void pg_set_add(struct pg_set *set, uint64_t hash);
bool pg_set_has(const struct pg_set *set, uint64_t hash);
