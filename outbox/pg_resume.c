/* SPDX-License-Identifier: MIT */
/*
 * After a connection was lost.
 *
 * The commit that got no answer may yet be committed by a session that is still at it. So this
 * member is closed first: that waits for the session, and lets nothing of the member be committed
 * afterwards. Then the ledger says for certain whether the transaction is there: its rows may be
 * gone again, but the row of its fence stays. The process goes on under another number; it knows
 * what it has under way, and so keeps sending.
 */
#include "outbox/pg_resume.h"

#include <errno.h>

#include "base/error.h"
#include "base/log.h"
#include "outbox/pg_connect.h"
#include "outbox/pg_member.h"
#include "outbox/pg_open.h"
#include "outbox/pg_run.h"
#include "outbox/pg_stage.h"
#include "outbox/pg_stream.h"
#include "outbox/pg_takeover.h"
#include "outbox/pg_tally.h"
#include "outbox/pg_transact.h"

/* ---- The ledger ---- */

/* What the ledger has of a transaction. */
struct resume_found {
    bool committed;
    int64_t *bases; /* the numbers of its appended rows, rising */
    size_t len;
};

static int resume_take_bases(struct pg_core *self, const PGresult *result, void *ctx)
{
    struct resume_found *found = ctx;
    int rows = PQntuples(result);

    (void)self;
    found->committed = rows > 0;
    found->bases = calloc((size_t)rows + 1, sizeof(*found->bases));
    if (!found->bases)
        return error_origin(-ENOMEM);
    for (int i = 0; i < rows; i++)
        if (!PQgetisnull(result, i, 0))
            found->bases[found->len++] = pg_core_number(result, i, 0);
    return 0;
}

static int resume_look_up(struct pg_core *self, int64_t member, int64_t cycle,
                          struct resume_found *found)
{
    const struct pg_value values[] = {PG_NUMBER(member), PG_NUMBER(cycle)};

    return pg_run_sql(self,
                      "SELECT DISTINCT base FROM @ledger WHERE member = $1::int8"
                      " AND cycle = $2::int8 ORDER BY base NULLS LAST",
                      values, 2, resume_take_bases, found);
}

/* ---- Another number ---- */

static int resume_take_epoch(struct pg_core *self, const PGresult *result, void *ctx)
{
    (void)ctx;
    if (PQntuples(result) > 0)
        return 0;
    self->fenced = true;
    return pg_core_lose(self, "another relay has taken over");
}

/*
 * Keeps sending under the new number, unless another relay has taken over, which gives another
 * epoch. The sender of this epoch may be a third number: that of a resumption whose commit got no
 * answer either.
 */
static int resume_send(struct pg_core *self, int64_t epoch)
{
    const struct pg_value values[] = {PG_NUMBER(self->member), PG_NUMBER(epoch)};

    if (!epoch)
        return 0;
    int r = pg_run_sql(self,
                       "UPDATE @member SET state = 2, clean = true, closed = now() WHERE member ="
                       " (SELECT s.member FROM @sender s WHERE s.epoch = $2::int8)"
                       " AND member <> $1::int8",
                       values, 2, NULL, NULL);
    if (!r)
        r = pg_run_sql(self,
                       "UPDATE @sender SET member = $1::int8, since = now()"
                       " WHERE epoch = $2::int8 RETURNING epoch",
                       values, 2, resume_take_epoch, NULL);
    self->epoch = epoch;
    return r;
}

/* Everything in one transaction: a connection that is lost again here leaves all as it was. */
static int resume_rejoin(struct pg_core *self, struct resume_found *found)
{
    const int64_t member = self->member, epoch = self->epoch;
    const int64_t cycle = self->cycle, committed = self->committed;
    int r = pg_run_sql(self, pg_statement_text(PG_BEGIN), NULL, 0, NULL, NULL);

    if (!r)
        r = pg_member_close(self, member);
    if (!r)
        r = resume_look_up(self, member, cycle, found);
    if (!r)
        r = pg_member_join(self);
    if (!r)
        r = resume_send(self, epoch);
    if (!r)
        r = pg_run_sql(self, "COMMIT", NULL, 0, NULL, NULL);
    if (r) {
        self->member = member;
        self->epoch = epoch;
        self->cycle = cycle;
        self->committed = committed;
    }
    return r;
}

/* This member was closed by another relay, or by a database that was put back in time. */
static int resume_take_over(struct pg_core *self, struct resume_found *found)
{
    cleanup(buf_done) struct buf why = BUF_NULL;
    const int64_t member = self->member, cycle = self->cycle, committed = self->committed;
    int r = self->doubted ? resume_look_up(self, member, cycle, found) : 0;

    if (!r)
        r = self->settings.serves ? pg_takeover(self, &why) : pg_member_join(self);
    if (r == STORE_BUSY)
        (void)pg_core_lose(self, buf_string(&why));
    if (r) { /* the transaction will be looked up by these again */
        self->member = member;
        self->cycle = cycle;
        self->committed = committed;
    }
    self->fenced = r != 0;
    return r;
}

/* ---- A database that was put back in time ---- */

/*
 * The row of the latest commit is in the ledger, or that of the commit in doubt, which may have
 * folded it (pg_tend.c): nobody but this member folds these, and whoever else has taken over has
 * raised the epoch. Otherwise the database was put back in time, as by a failover to an
 * asynchronous standby. There, this member's number may be another one's.
 */
static int resume_look_back(struct pg_core *self)
{
    const struct pg_value values[] = {PG_NUMBER(self->member), PG_NUMBER(self->committed),
                                      PG_NUMBER(self->epoch), PG_NUMBER(self->cycle)};
    bool is_put_back = false;

    if (!self->epoch || !self->committed || self->fenced)
        return 0;
    int r =
        pg_run_sql(self,
                   "SELECT (s.epoch <= $3::int8 AND NOT EXISTS (SELECT 1 FROM @ledger l"
                   " WHERE l.member = $1::int8 AND l.cycle BETWEEN $2::int8 AND $4::int8))::int4"
                   " FROM @sender s",
                   values, array_len(values), pg_run_take_bool, &is_put_back);
    if (!r && is_put_back)
        r = pg_stream_raise(self);
    if (r || !is_put_back)
        return r;
    self->fenced = true;
    log_error("the outbox's database was put back: it lacks what it had committed last; events "
              "that were answered 202 may be lost, and delivered ones may be sent again",
              "schema", self->settings.schema);
    return 0;
}

static int resume_any(struct pg_core *self, struct resume_found *found)
{
    int r = resume_look_back(self);

    if (r)
        return r;
    if (self->fenced)
        return resume_take_over(self, found);
    if (self->doubted)
        return resume_rejoin(self, found);
    return self->member ? pg_member_move(self) : 0;
}

/* What was learnt of the transaction in doubt, if one is. */
static void resume_conclude(struct pg_core *self, const struct resume_found *found)
{
    self->doubted = false;
    self->was_committed |= found->committed;
    if (found->committed) {
        if (!pg_stage_give_ids(self, found->bases, found->len))
            log_error("the outbox has another number of appends than were made", "schema",
                      self->settings.schema);
        pg_stage_forget(self, false);
    }
    pg_transact_rollback(&self->store);
}

/* Whatever has failed, the store is away until the next try. STORE_BUSY: another relay sends. */
static int resume_end(struct pg_core *self, int r)
{
    if (r)
        (void)pg_core_lose(self, "the outbox cannot be resumed");
    return r <= 0 || r == STORE_BUSY ? r : STORE_AWAY;
}

int pg_resume(struct store *store, bool *committed)
{
    struct pg_core *self = pg_core_of(store);
    struct resume_found found = {.committed = false};

    *committed = false;
    if (self->unopened)
        return resume_end(self, pg_open_late(self));
    int r = pg_connect(self);
    self->opened = self->passing = false;
    if (!r)
        r = resume_any(self, &found);
    if (!r) { /* at once: this member is another one now, which cannot be asked again */
        resume_conclude(self, &found);
        r = pg_stream_load(self);
    }
    free(found.bases);
    if (!r && self->settings.serves)
        r = pg_tally_load(self);
    if (!r) {
        *committed = self->was_committed;
        self->was_committed = false;
    }
    return resume_end(self, r);
}
