/* SPDX-License-Identifier: MIT */
/*
 * Members.
 *
 * Whether a member lives is told by its session, which ends with its process: so a relay that was
 * killed does not keep its successor waiting. Behind a pooler sessions outlive their clients, and
 * where a machine is lost its sessions stay for a while. There the beat tells, which a relay that
 * serves raises once a second.
 */
#include "outbox/pg_member.h"

#include <stdio.h>

#include "outbox/pg_connect.h"
#include "outbox/pg_run.h"

enum { MEMBER_PROGRAM = 1 }; /* what this program can do; newer ones count on */

static int member_take_number(struct pg_core *self, const PGresult *result, void *ctx)
{
    (void)self;
    if (PQntuples(result) == 0)
        return STORE_BROKEN;
    *(int64_t *)ctx = pg_core_number(result, 0, 0);
    return 0;
}

#define SESSION                                                                                    \
    "CASE WHEN $1::int8 = 0 THEN pg_backend_pid() END,"                                            \
    " (SELECT a.backend_start FROM pg_stat_activity a WHERE a.pid = pg_backend_pid())"

static const char member_join[] =
    "WITH meta AS (SELECT 1 FROM @meta FOR SHARE),"
    " n AS (SELECT nextval('@member_number') AS member FROM meta),"
    " m AS (INSERT INTO @member (member, name, program, lease_ms, timeout_ms, state, pid, started)"
    " SELECT n.member, convert_from($2::bytea, 'UTF8'), $3::int8, $4::int8, $5::int8, 0, " SESSION
    " FROM n), b AS (INSERT INTO @beat (member, beat) SELECT n.member, 0 FROM n)"
    " SELECT member FROM n";

int pg_member_join(struct pg_core *self)
{
    const struct pg_settings *settings = &self->settings;
    const struct pg_value values[] = {
        PG_NUMBER(self->pooled),       PG_BYTES(span_of(settings->name)), PG_NUMBER(MEMBER_PROGRAM),
        PG_NUMBER(settings->lease_ms), PG_NUMBER(settings->timeout_ms),
    };

    self->epoch = 0;
    self->cycle = self->committed = self->cleared = 0;
    return pg_run_sql(self, member_join, values, array_len(values), member_take_number,
                      &self->member);
}

int pg_member_send(struct pg_core *self)
{
    const struct pg_value values[] = {PG_NUMBER(self->member)};

    return pg_run_sql(self,
                      "UPDATE @sender SET member = $1::int8, epoch = epoch + 1, clean = false,"
                      " since = now() RETURNING epoch",
                      values, 1, member_take_number, &self->epoch);
}

static int member_take_moved(struct pg_core *self, const PGresult *result, void *ctx)
{
    (void)ctx;
    if (PQntuples(result) > 0)
        return 0;
    self->fenced = true;
    return pg_core_lose(self, "another relay has taken over");
}

int pg_member_move(struct pg_core *self)
{
    const struct pg_value values[] = {PG_NUMBER(self->pooled), PG_NUMBER(self->member)};

    return pg_run_sql(self,
                      "UPDATE @member SET (pid, started) = (SELECT " SESSION ")"
                      " WHERE member = $2::int8 AND state < 2 RETURNING member",
                      values, 2, member_take_moved, NULL);
}

/* ---- Closing ---- */

/* Ends the sessions that this one waits for. */
static void member_end_blockers(struct pg_core *self)
{
    char pid[24];
    const char *const values[] = {pid};
    PGconn *second = pg_connect_second(self);

    if (!second)
        return;
    (void)snprintf(pid, sizeof(pid), "%lld", (long long)self->session_pid);
    PQclear(PQexecParams(second,
                         "SELECT pg_catalog.pg_terminate_backend(b)"
                         " FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids($1::int)) b",
                         1, NULL, values, NULL, NULL, 0));
    PQfinish(second);
}

int pg_member_close(struct pg_core *self, int64_t member)
{
    const struct pg_value values[] = {PG_NUMBER(member)};
    int r = pg_run_sql(self, "SELECT pg_backend_pid()::int8", NULL, 0, member_take_number,
                       &self->session_pid);

    if (r)
        return r;
    self->on_quiet = member_end_blockers;
    r = pg_run_sql(self, "SELECT 1 FROM @member WHERE member = $1::int8 FOR UPDATE", values, 1,
                   NULL, NULL);
    self->on_quiet = NULL;
    return r ? r
             : pg_run_sql(self,
                          "UPDATE @member SET state = 2, closed = now() WHERE member = $1::int8",
                          values, 1, NULL, NULL);
}

/* One that has left by itself knows its outcomes; one that was closed, or a command (timeout_ms 0)
 * that is gone, may yet look for the last one. */
static const char member_tidy[] =
    "WITH gone AS (DELETE FROM @member m WHERE (m.state = 2"
    " AND (m.clean OR m.closed < now() - interval '1 hour')"
    " OR m.timeout_ms = 0 AND m.joined < now() - interval '1 hour' AND NOT EXISTS (SELECT 1"
    " FROM pg_stat_activity a WHERE a.pid = m.pid AND a.backend_start = m.started))"
    " AND NOT EXISTS (SELECT 1 FROM @event e WHERE e.member = m.member) RETURNING m.member)"
    " DELETE FROM @beat b WHERE b.member IN (SELECT member FROM gone)";

int pg_member_tidy(struct pg_core *self)
{
    return pg_run_sql(self, member_tidy, NULL, 0, NULL, NULL);
}

void pg_member_leave(struct pg_core *self)
{
    const struct pg_value values[] = {PG_NUMBER(self->member)};

    if (!self->member || self->lost || self->fenced)
        return;
    int r = pg_run_sql(self,
                       "WITH s AS (UPDATE @sender SET member = NULL, clean = true"
                       " WHERE member = $1::int8)"
                       " UPDATE @member SET state = 2, clean = true, closed = now()"
                       " WHERE member = $1::int8",
                       values, 1, NULL, NULL);
    if (!r)
        (void)pg_member_tidy(self);
}

/* ---- Who sends ---- */

static int member_take_sender(struct pg_core *self, const PGresult *result, void *ctx)
{
    struct pg_sender *sender = ctx;

    (void)self;
    *sender = (struct pg_sender){0};
    if (PQntuples(result) == 0)
        return 0;
    sender->member = pg_core_number(result, 0, 0);
    sender->here = pg_core_number(result, 0, 1) != 0;
    sender->beat = pg_core_number(result, 0, 2);
    sender->lease_ms = pg_core_number(result, 0, 3);
    return buf_append_span(&sender->name, pg_core_bytes(result, 0, 4));
}

int pg_member_sender(struct pg_core *self, struct pg_sender *sender)
{
    return pg_run_sql(self,
                      "SELECT m.member, (m.pid IS NULL OR EXISTS (SELECT 1 FROM pg_stat_activity a"
                      " WHERE a.pid = m.pid AND a.backend_start = m.started))::int4, b.beat,"
                      " m.lease_ms, m.name FROM @sender s JOIN @member m ON m.member = s.member"
                      " JOIN @beat b ON b.member = m.member WHERE m.state < 2",
                      NULL, 0, member_take_sender, sender);
}
