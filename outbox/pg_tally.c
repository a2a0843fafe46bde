/* SPDX-License-Identifier: MIT */
/*
 * Counts.
 *
 * What a transaction has changed is told by its own statements. What other members have changed is
 * read once a second, with all totals, and noticed by the rows that they leave in ledger.
 *
 * A model's number is looked up by the statement that counts, and never by a member's memory: so
 * whoever gives the model counts of its own waits for all transactions that are under way, keeps
 * others from beginning one, and only then counts the rows.
 */
#include "outbox/pg_tally.h"

#include <errno.h>

#include "base/error.h"
#include "outbox/pg_ask.h"
#include "outbox/pg_oldest.h"
#include "outbox/pg_sums.h"

enum {
    TALLY_NAME_MAX =
        2000, /* bytes: a longer name has no place in an index, and counts with others */
    TALLY_COLUMN_OTHERS = 8, /* of PG_TOTALS */
    TALLY_COLUMN_LETTERS,
    TALLY_COLUMN_TROUBLES,
};

/* ---- In memory ---- */

static void tally_clear(struct pg_tallies *tallies)
{
    for (size_t i = 0; i < tallies->len; i++)
        free((char *)tallies->at[i].model.at);
    free(tallies->at);
    *tallies = (struct pg_tallies){0};
}

void pg_tally_done(struct pg_core *self)
{
    tally_clear(&self->tallies);
}

static int tally_copy_name(struct span model, struct span *copy)
{
    char *at = model.at ? malloc(model.len + 1) : NULL;

    if (!model.at)
        return 0;
    if (!at)
        return error_origin(-ENOMEM);
    memcpy(at, model.at, model.len);
    *copy = (struct span){at, model.len};
    return 0;
}

/* Notes whether there may be letters and troubles. Nobody but the store that serves makes any; what
 * a transaction has removed may come back with its rollback. */
static void tally_note_tables(struct pg_core *self, const PGresult *result)
{
    bool sure = self->settings.serves && !self->opened;

    self->letters = pg_core_number(result, 0, TALLY_COLUMN_LETTERS) != 0 || !sure;
    self->troubles = pg_core_number(result, 0, TALLY_COLUMN_TROUBLES) != 0 || !sure;
}

/* The rows of PG_TOTALS: as those of changes, but for a model's number and name in front. */
static int tally_take(struct pg_core *self, const PGresult *result, void *ctx)
{
    size_t len = (size_t)PQntuples(result);
    struct pg_tallies tallies = {.at = calloc(len + 1, sizeof(*tallies.at))};
    int r = tallies.at ? 0 : error_origin(-ENOMEM);

    (void)ctx;
    for (size_t i = 0; i < len && !r; i++) {
        struct pg_tally *tally = &tallies.at[tallies.len++];
        tally->number = pg_core_number(result, (int)i, 0);
        tally->sums = pg_sums_read(result, (int)i);
        r = tally_copy_name(pg_core_bytes(result, (int)i, 1), &tally->model);
    }
    if (r || len == 0) {
        tally_clear(&tallies);
        return r ? r : STORE_BROKEN;
    }
    pg_tally_done(self);
    self->tallies = tallies;
    self->others = self->others_gone + (uint64_t)pg_core_number(result, 0, TALLY_COLUMN_OTHERS);
    tally_note_tables(self, result);
    self->outdated = false;
    return 0;
}

int pg_tally_load(struct pg_core *self)
{
    const struct pg_value values[] = {PG_NUMBER(self->member), PG_NUMBER(self->cleared)};
    int r = pg_run_queue(self, PG_TOTALS, values, 2, tally_take, NULL);

    return r ? r : pg_run_end(self);
}

/* ---- Readings ---- */

/* Gets the tallies ready to be told: with what the transaction at hand has gathered. A command
 * reads them anew each time. */
static int tally_refresh(struct pg_core *self)
{
    int r = 0;

    if (self->begun && pg_stage_any(self))
        r = pg_ask_flush(self);
    if (self->begun && self->spoilt)
        return self->spoilt;
    if (r || (self->settings.serves && !self->outdated))
        return r;
    /* Within a transaction PostgreSQL counts its changes already. */
    const struct pg_value values[] = {PG_NUMBER(self->member), PG_NUMBER(self->cleared)};
    r = pg_ask_reading(self, PG_TOTALS, values, 2, tally_take, NULL);
    if (!r && self->opened)
        self->outdated = true; /* what is in memory now is not the last commit's */
    return r;
}

int pg_tally_tallies(struct store *store, store_tally_fn fn, void *ctx)
{
    struct pg_core *self = pg_core_of(store);
    int r = tally_refresh(self);

    for (size_t i = 0; i < self->tallies.len && !r; i++) {
        struct pg_sums sums = self->tallies.at[i].sums;
        pg_sums_add(&sums, &self->tallies.at[i].change);
        const struct store_tally tally = {
            .accepted = (uint64_t)(sums.delivered + sums.discarded + sums.pending + sums.dead),
            .delivered = (uint64_t)sums.delivered,
            .discarded = (uint64_t)sums.discarded,
            .pending = (uint64_t)sums.pending,
            .dead = (uint64_t)sums.dead,
            .buried = (uint64_t)sums.buried,
        };
        r = fn(ctx, self->tallies.at[i].model, &tally);
    }
    return r;
}

static int tally_add_count(void *counts, struct span model, const struct store_tally *tally)
{
    (void)model;
    store_counts_add(counts, tally);
    return 0;
}

/* Where the oldest row cannot be read, an older value stays: it must not keep all counts back. */
static int tally_read_oldest(struct pg_core *self, uint64_t pending)
{
    self->reads = true;
    int r = pg_oldest_read(self, pending);
    self->reads = false;

    return r == STORE_BROKEN && !self->begun && pg_core_met_damage(self) ? 0 : r;
}

int pg_tally_counts(struct store *store, struct store_counts *out)
{
    struct pg_core *self = pg_core_of(store);
    struct store_counts counts = {0};
    int r = pg_tally_tallies(store, tally_add_count, &counts);

    if (!r)
        r = tally_read_oldest(self, counts.pending);
    if (r)
        return r;
    counts.oldest_ms = self->oldest.ms;
    counts.bytes = pg_sums_bytes(self);
    counts.spoilt = self->rows_spoilt;
    *out = counts;
    return 0;
}

int pg_tally_changed(struct store *store, bool *changed)
{
    struct pg_core *self = pg_core_of(store);
    int r = pg_tally_load(self);

    if (r)
        return r;
    *changed = self->others != self->others_seen || self->oldest.owed || self->mended;
    self->mended = false;
    self->others_seen = self->others;
    return 0;
}

/* ---- Names ---- */

static bool tally_is_named(const struct pg_core *self, struct span model)
{
    for (size_t i = 0; i < self->tallies.len; i++)
        if (span_same(self->tallies.at[i].model, model))
            return true;
    return false;
}

/* Where rows are counted, that takes as long as the table is; and given up, it would begin anew. */
static int tally_ask_name(struct pg_core *self, struct span model)
{
    int r = pg_ask(self, PG_UNHURRIED, NULL, 0, NULL, NULL);

    self->unhurried = true;
    if (!r)
        r = PG_ASK(self, PG_NAME, NULL, NULL, PG_NUMBER(self->member), PG_NUMBER(self->cycle),
                   PG_BYTES(model));
    self->unhurried = false;
    return r;
}

int pg_tally_name(struct store *store, struct span model)
{
    struct pg_core *self = pg_core_of(store);
    int r = tally_refresh(self);

    if (!r)
        r = pg_core_admit(self);
    if (r || !model.at || model.len > TALLY_NAME_MAX || tally_is_named(self, model) ||
        span_eq(model, SPAN("other")))
        return r;
    r = pg_ask(self, PG_LOCK_META, NULL, 0, NULL, NULL);
    if (!r)
        r = PG_ASK(self, PG_LOCK_MEMBERS, NULL, NULL, PG_NUMBER(self->member));
    if (!r)
        r = tally_ask_name(self, model);
    pg_sums_forget(self); /* the totals that are read next have the changes of this transaction */
    self->outdated = true;
    return r;
}
