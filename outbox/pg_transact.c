/* SPDX-License-Identifier: MIT */
/*
 * Transactions.
 *
 * Where nothing in between wants an answer, all statements of a transaction travel together, and
 * PostgreSQL makes them one transaction up to the Sync behind them: one way there, one flush, one
 * way back. Otherwise PG_BEGIN stands in front, and PG_COMMIT at the end.
 */
#include "outbox/pg_transact.h"

#include "outbox/pg_connect.h"
#include "outbox/pg_fence.h"
#include "outbox/pg_member.h"
#include "outbox/pg_run.h"
#include "outbox/pg_stage.h"
#include "outbox/pg_sums.h"
#include "outbox/pg_suspect.h"

static void transact_over(struct pg_core *self)
{
    self->begun = self->passing = self->opened = self->roomy = false;
    self->spoilt = 0;
    self->taken_bytes = 0;
    self->buries = 0;
}

int pg_transact_begin(struct store *store)
{
    struct pg_core *self = pg_core_of(store);

    pg_transact_rollback(store);
    int r = pg_connect_look(self);
    if (!r && !self->member) /* a command becomes a member with its first change */
        r = pg_member_join(self);
    self->begun = r == 0;
    return r;
}

void pg_transact_rollback(struct store *store)
{
    struct pg_core *self = pg_core_of(store);

    if (self->doubted)
        return; /* the rows are still waiting for resume() */
    pg_suspect_note_failed(self);
    /* Statements that are queued already have results, which come before that of the rollback. */
    if (self->opened && !self->lost && !pg_run_queue(self, PG_ROLLBACK, NULL, 0, NULL, NULL))
        (void)pg_run_end(self);
    transact_over(self);
    pg_stage_forget(self, true);
    pg_sums_forget(self);
    self->oldest.known = false;
}

static int transact_take_end(struct pg_core *self, const PGresult *result, void *ctx)
{
    (void)self;
    (void)ctx; /* COMMIT of a transaction that has failed says so by another name */
    return strcmp(PQcmdStatus((PGresult *)result), "COMMIT") == 0 ? 0 : STORE_BROKEN;
}

static int transact_queue(struct pg_core *self)
{
    int r = pg_stage_queue(self, true);

    if (!r && self->opened)
        r = pg_run_queue(self, PG_COMMIT, NULL, 0, transact_take_end, NULL);
    return r;
}

void pg_transact_committed(struct pg_core *self)
{
    self->committed = self->cycle;
    pg_sums_keep(self);
    pg_core_note_well(self);
    pg_stage_forget(self, false);
    transact_over(self);
}

int pg_transact_commit(struct store *store)
{
    struct pg_core *self = pg_core_of(store);
    int r = pg_core_admit(self);

    if (!r)
        r = transact_queue(self);
    if (r) {
        pg_transact_rollback(store);
        return r;
    }
    self->doubted = true;
    r = pg_run_end(self);
    if (self->lost) /* the transaction may be committed: pg_resume() looks */
        return STORE_AWAY;
    self->doubted = false;
    if (r)
        pg_transact_rollback(store);
    else
        pg_transact_committed(self);
    return r;
}
