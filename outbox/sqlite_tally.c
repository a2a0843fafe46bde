/* SPDX-License-Identifier: MIT */
/*
 * Tallies in the SQLite file.
 *
 * Each transaction adds its differences to the rows of counts. So the counts are right in every
 * committed state, whatever other processes write. The names of models that have a row are kept in
 * memory. The relay that serves is the only one to add rows; a command reads the names again in
 * each transaction.
 */
#include "outbox/sqlite_tally.h"

#include <errno.h>

#include "base/error.h"
#include "outbox/sqlite_row.h"

/* ---- Which models have a row ---- */

static void tally_clear(struct sqlite_tallies *tallies)
{
    for (size_t i = 0; i < tallies->len; i++)
        free((char *)tallies->at[i].model.at);
    free(tallies->at);
    *tallies = (struct sqlite_tallies){0};
}

void sqlite_tally_done(struct sqlite_core *self)
{
    tally_clear(&self->tallies);
}

/* Adds an entry. The first one is that of all models that were not named, and has an empty model.
 */
static int tally_add(struct sqlite_tallies *tallies, int64_t id, struct span model)
{
    struct sqlite_tally *more = realloc(tallies->at, (tallies->len + 1) * sizeof(*more));
    char *name = malloc(model.len + 1);

    if (more)
        tallies->at = more;
    if (!more || !name) {
        free(name);
        return error_origin(-ENOMEM);
    }
    if (model.len > 0)
        memcpy(name, model.at, model.len);
    tallies->at[tallies->len++] = (struct sqlite_tally){.id = id, .model = {name, model.len}};
    return 0;
}

int sqlite_tally_load(struct sqlite_core *self)
{
    sqlite3_stmt *rows = self->statements[STMT_TALLIES];
    struct sqlite_tallies tallies = {0};
    int r = 0, rc;

    while ((rc = sqlite3_step(rows)) == SQLITE_ROW && !r)
        r = tally_add(&tallies, sqlite3_column_int64(rows, 0), sqlite_row_span(rows, 1));
    (void)sqlite3_reset(rows);
    if (!r)
        r = sqlite_core_spoil_read(self, tallies.len > 0 ? rc : SQLITE_CORRUPT);
    else
        self->spoilt = r;
    if (r) {
        tally_clear(&tallies);
        return r;
    }
    sqlite_tally_done(self);
    self->tallies = tallies;
    return 0;
}

static struct sqlite_tally *tally_find(struct sqlite_core *self, struct span model)
{
    for (size_t i = 1; model.at && i < self->tallies.len; i++)
        if (span_eq(self->tallies.at[i].model, model))
            return &self->tallies.at[i];
    return &self->tallies.at[0];
}

struct sqlite_sums *sqlite_tally_of(struct sqlite_core *self, struct span model)
{
    struct sqlite_tally *tally = tally_find(self, model);

    tally->changed = true;
    return &tally->change;
}

/* ---- What a transaction changes ---- */

void sqlite_tally_forget(struct sqlite_core *self)
{
    for (size_t i = 0; i < self->tallies.len; i++) {
        self->tallies.at[i].changed = false;
        self->tallies.at[i].change = (struct sqlite_sums){0};
    }
    self->used_id = self->mark = 0;
}

int sqlite_tally_flush(struct sqlite_core *self)
{
    int rc =
        SQLITE_RUN(self, STMT_SET_ID_MARK, SQLITE_NUMBER(self->used_id), SQLITE_NUMBER(self->mark));

    for (size_t i = 0; i < self->tallies.len && rc == SQLITE_OK; i++) {
        const struct sqlite_tally *tally = &self->tallies.at[i];
        const struct sqlite_sums *change = &tally->change;
        if (tally->changed)
            rc = SQLITE_RUN(self, STMT_ADD_TALLY, SQLITE_NUMBER(tally->id),
                            SQLITE_NUMBER(change->delivered), SQLITE_NUMBER(change->discarded),
                            SQLITE_NUMBER(change->pending), SQLITE_NUMBER(change->dead),
                            SQLITE_NUMBER(change->buried));
    }
    sqlite_tally_forget(self);
    return sqlite_core_spoil(self, rc);
}

/* ---- struct store_ops ---- */

int sqlite_tally_set_id_mark(struct store *store, uint64_t id)
{
    struct sqlite_core *self = sqlite_core_of(store);
    int r = sqlite_core_admit(self);

    if (!r)
        self->mark = (int64_t)id;
    return r;
}

/* Counts rows of a model by the statement of an index. */
static int tally_count(struct sqlite_core *self, enum sqlite_statement which, struct span model,
                       int64_t *n)
{
    int rc = sqlite3_bind_blob64(self->statements[which], 1, model.at, model.len, SQLITE_STATIC);

    if (rc == SQLITE_OK)
        rc = sqlite_core_number(self, which, n);
    (void)sqlite3_clear_bindings(self->statements[which]);
    return rc;
}

int sqlite_tally_name(struct store *store, struct span model)
{
    struct sqlite_core *self = sqlite_core_of(store);
    int64_t pending = 0, offered = 0, dead = 0;
    int r = sqlite_core_admit(self);

    if (r || !model.at || tally_find(self, model) != &self->tallies.at[0] ||
        span_eq(model, SPAN("other")))
        return r;
    r = sqlite_tally_flush(self);
    if (r)
        return r;
    int rc = tally_count(self, STMT_PENDING_OF, model, &pending);
    if (rc == SQLITE_OK)
        rc = tally_count(self, STMT_OFFERED_OF, model, &offered);
    if (rc == SQLITE_OK)
        rc = tally_count(self, STMT_LETTERS_OF, model, &dead);
    if (rc == SQLITE_OK)
        rc = SQLITE_RUN(self, STMT_NAME_TALLY, SQLITE_BYTES(model));
    r = sqlite_core_spoil(self, rc);
    self->named = true; /* self->tallies is ahead of the file, and wrong after a rollback */
    if (!r)
        r = sqlite_tally_load(self);
    if (r)
        return r;
    const struct sqlite_sums share = {.pending = pending + offered, .dead = dead};
    *sqlite_tally_of(self, model) = share;
    *sqlite_tally_of(self, SPAN_NULL) =
        (struct sqlite_sums){.pending = -share.pending, .dead = -share.dead};
    return 0;
}

int sqlite_tally_read(struct store *store, store_tally_fn fn, void *ctx)
{
    struct sqlite_core *self = sqlite_core_of(store);
    sqlite3_stmt *rows = self->statements[STMT_TALLIES];
    int r = 0, rc = SQLITE_OK;

    if (!sqlite3_get_autocommit(self->db)) /* the counts include the transaction at hand */
        r = sqlite_tally_flush(self);
    while (!r && (rc = sqlite3_step(rows)) == SQLITE_ROW) {
        const struct store_tally tally = {
            .accepted = (uint64_t)sqlite3_column_int64(rows, 2),
            .delivered = (uint64_t)sqlite3_column_int64(rows, 3),
            .discarded = (uint64_t)sqlite3_column_int64(rows, 4),
            .pending = (uint64_t)sqlite3_column_int64(rows, 5),
            .dead = (uint64_t)sqlite3_column_int64(rows, 6),
            .buried = (uint64_t)sqlite3_column_int64(rows, 7),
        };
        r = fn(ctx, sqlite_row_span(rows, 1), &tally);
    }
    (void)sqlite3_reset(rows);
    return r ? r : sqlite_core_spoil_read(self, rc);
}
