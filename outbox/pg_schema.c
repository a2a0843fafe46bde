/* SPDX-License-Identifier: MIT */
/*
 * The tables.
 *
 * event has one index, so that there is no second plan to fall for. VACUUM comes to it after so
 * many rows, whatever its size, without pauses; and never shortens the file, for which it would
 * need the table for itself. Bodies are not compressed: that costs more than it saves.
 *
 * What changes with an attempt stands in trouble, so that no row of event is ever changed. The row
 * that fences off a member is apart from its beat, and changes only when a connection does.
 */
#include "outbox/pg_schema.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "outbox/pg_run.h"
#include "outbox/pg_server.h"

#define AUTOVACUUM                                                                                 \
    "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,"                     \
    " autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off"

/* The migration from each version to the next, statement by statement. A released one must never
 * change, and each one only adds: older relays work on meanwhile. */
static const char *const schema_1[] = {
    "CREATE TABLE @meta (one int PRIMARY KEY CHECK (one = 1), version int NOT NULL,"
    " oldest_program int NOT NULL, home text NOT NULL, convex_url text,"
    " created timestamptz NOT NULL)",
    "CREATE SEQUENCE @batch",         /* a number is 1,024 ids */
    "CREATE SEQUENCE @member_number", /* never used again */
    "CREATE TABLE @member (member bigint PRIMARY KEY, name text NOT NULL, program int NOT NULL,"
    " lease_ms bigint NOT NULL, timeout_ms bigint NOT NULL,"
    " state smallint NOT NULL,"      /* 0 live, 1 leaving, 2 closed */
    " pid int, started timestamptz," /* its session; NULL: behind a pooler */
    " joined timestamptz NOT NULL DEFAULT now(), closed timestamptz,"
    " clean boolean NOT NULL DEFAULT false)", /* clean: it has left by itself */
    "CREATE TABLE @beat (member bigint PRIMARY KEY, beat bigint NOT NULL) WITH (fillfactor = 50)",
    "CREATE TABLE @sender (one int PRIMARY KEY CHECK (one = 1), member bigint,"
    " epoch bigint NOT NULL, clean boolean NOT NULL, since timestamptz)",
    "CREATE TABLE @event (member bigint NOT NULL, id bigint NOT NULL, arrived_ms bigint NOT NULL,"
    " since_ms bigint NOT NULL, died_ms bigint, was bigint, sequence bigint, model bytea,"
    " record bytea, request bytea, import bytea, body bytea NOT NULL, PRIMARY KEY (member, id))"
    " WITH (" AUTOVACUUM ")",
    "ALTER TABLE @event ALTER COLUMN body SET STORAGE EXTERNAL",
    "CREATE TABLE @trouble (member bigint NOT NULL, id bigint NOT NULL, attempts int NOT NULL,"
    " tried_ms bigint NOT NULL, reason bytea, PRIMARY KEY (member, id))",
    "CREATE TABLE @letter (id bigint PRIMARY KEY, lane bigint,"
    " state smallint NOT NULL," /* enum store_state: dead, offered or forced */
    " stale boolean NOT NULL, arrived_ms bigint NOT NULL, since_ms bigint NOT NULL,"
    " died_ms bigint, was bigint, sequence bigint, attempts int NOT NULL, tried_ms bigint NOT NULL,"
    " model bytea, record bytea, reason bytea, request bytea, import bytea, body bytea NOT NULL)",
    "ALTER TABLE @letter ALTER COLUMN body SET STORAGE EXTERNAL",
    /* The lane alone: a record may be longer than an entry of an index. */
    "CREATE INDEX letter_lane ON @letter (lane) WHERE NOT stale",
    "CREATE INDEX letter_wanted ON @letter (id) WHERE state > 1",
    "CREATE TABLE @total (model int PRIMARY KEY," /* 0: all models that have no row */
    " name bytea UNIQUE, delivered bigint NOT NULL DEFAULT 0, discarded bigint NOT NULL DEFAULT 0,"
    " pending bigint NOT NULL DEFAULT 0, dead bigint NOT NULL DEFAULT 0,"
    " buried bigint NOT NULL DEFAULT 0, bytes bigint NOT NULL DEFAULT 0)",
    "CREATE TABLE @ledger (member bigint NOT NULL, cycle bigint NOT NULL, model int NOT NULL,"
    " base bigint, delivered bigint NOT NULL DEFAULT 0, discarded bigint NOT NULL DEFAULT 0,"
    " pending bigint NOT NULL DEFAULT 0, dead bigint NOT NULL DEFAULT 0,"
    " buried bigint NOT NULL DEFAULT 0, bytes bigint NOT NULL DEFAULT 0, outcomes bytea)",
    "CREATE INDEX ledger_cycle ON @ledger (member, cycle)",
    "CREATE TABLE @pause (model bytea PRIMARY KEY, paused boolean NOT NULL,"
    " ended_ms bigint NOT NULL)",
    "INSERT INTO @total (model) VALUES (0)",
    "INSERT INTO @sender (one, epoch, clean) VALUES (1, 0, true)",
    NULL,
};

static const char *const *const schema_migrations[] = {schema_1};

enum {
    SCHEMA_VERSION = array_len(schema_migrations),
    SCHEMA_PROGRAM = 1, /* what this program can do: oldest_program must not be above it */
};

/* Where the tables are: another cluster, another database, or tables made anew by pg_restore. Where
 * the cluster's number may not be read, the others must do. */
#define HOME                                                                                       \
    "concat_ws('/', (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()),"       \
    " '@meta'::regclass::oid)"
#define CLUSTER "(SELECT system_identifier FROM pg_control_system())"

/* ---- The server ---- */

struct schema_server {
    char text[256];
    int64_t number;
};

static int schema_take_server(struct pg_core *self, const PGresult *result, void *ctx)
{
    struct schema_server *server = ctx;
    struct span text = pg_core_bytes(result, 0, 0);

    (void)self;
    (void)snprintf(server->text, sizeof(server->text), "%.*s", (int)text.len, text.at);
    server->number = pg_core_number(result, 0, 1);
    return 0;
}

int pg_schema_check_server(struct pg_core *self, struct buf *why)
{
    struct schema_server server = {.text = ""};
    int r = pg_run_sql(self, "SELECT version(), current_setting('server_version_num')::int8", NULL,
                       0, schema_take_server, &server);

    return r ? r : pg_server_judge(server.text, server.number, why);
}

/* ---- What is there ---- */

static int schema_take_meta(struct pg_core *self, const PGresult *result, void *ctx)
{
    struct pg_meta *meta = ctx;

    (void)self;
    meta->there = PQntuples(result) > 0;
    if (!meta->there)
        return 0;
    meta->version = pg_core_number(result, 0, 0);
    meta->oldest_program = pg_core_number(result, 0, 1);
    meta->at_home = pg_core_number(result, 0, 2) != 0;
    meta->same_convex = pg_core_number(result, 0, 3) != 0;
    return 0;
}

/* Whether this role may ask which cluster this is. */
static int schema_may_name_cluster(struct pg_core *self, bool *may)
{
    return pg_run_sql(self, "SELECT has_function_privilege('pg_control_system()', 'EXECUTE')::int4",
                      NULL, 0, pg_run_take_bool, may);
}

int pg_schema_read(struct pg_core *self, bool lock, struct pg_meta *meta)
{
    const struct pg_value name[] = {PG_BYTES(span_of(self->settings.schema))};
    const struct pg_value url[] = {PG_BYTES(span_of(self->settings.convex_url))};
    bool there = false, named = false;
    int r = pg_run_sql(self,
                       "SELECT (to_regclass(quote_ident(convert_from($1::bytea, 'UTF8'))"
                       " || '.meta') IS NOT NULL)::int4",
                       name, 1, pg_run_take_bool, &there);

    *meta = (struct pg_meta){0};
    if (!r && there)
        r = schema_may_name_cluster(self, &named);
    if (r || !there)
        return r;
    cleanup(buf_done) struct buf sql = BUF_NULL;
    r = buf_printf(&sql,
                   "SELECT version::int8, oldest_program::int8, (%s)::int4,"
                   " ($1::bytea IS NULL OR convex_url IS NULL"
                   " OR convex_url = convert_from($1::bytea, 'UTF8'))::int4 FROM @meta%s",
                   named ? "home IN (concat_ws('/', " CLUSTER ", " HOME
                           "), concat_ws('/', '-', " HOME "))"
                         : "home LIKE '%/' || " HOME,
                   lock ? " FOR UPDATE" : "");
    return r ? r : pg_run_sql(self, buf_string(&sql), url, 1, schema_take_meta, meta);
}

int pg_schema_judge(const struct pg_core *self, const struct pg_meta *meta, struct buf *why)
{
    const char *text = NULL;

    if (!meta->there)
        text = "holds no outbox; the relay makes it when it serves";
    else if (meta->version > SCHEMA_VERSION || meta->oldest_program > SCHEMA_PROGRAM)
        text = "was made by a newer version of convex-relay; use that one, or another schema";
    else if (meta->version < SCHEMA_VERSION)
        text = "was made by an older version of convex-relay; start this one's relay once, which "
               "brings it up to date";
    else if (!meta->same_convex)
        text = "belongs to another CONVEX_URL; use another schema";
    if (!text)
        return 0;
    int r = buf_printf(why, "OUTBOX: the schema %s %s", self->settings.schema, text);
    return r ? r : STORE_REFUSED;
}

/* ---- Making ---- */

static int schema_run(struct pg_core *self, const char *const *statements)
{
    int r = 0;

    for (; *statements && !r; statements++)
        r = pg_run_sql(self, *statements, NULL, 0, NULL, NULL);
    return r;
}

int pg_schema_adopt(struct pg_core *self)
{
    bool named = false;
    int r = schema_may_name_cluster(self, &named);

    if (r)
        return r;
    return pg_run_sql(self,
                      named ? "UPDATE @meta SET home = concat_ws('/', " CLUSTER ", " HOME ")"
                            : "UPDATE @meta SET home = concat_ws('/', '-', " HOME ")",
                      NULL, 0, NULL, NULL);
}

/* A large table takes its time, and a start on a busy machine does. */
static const char *const schema_patience[] = {
    "SELECT set_config('statement_timeout', '0', true),"
    " set_config('idle_in_transaction_session_timeout', '1min', true)",
    NULL,
};

static int schema_make_tables(struct pg_core *self)
{
    const struct pg_value url[] = {PG_BYTES(span_of(self->settings.convex_url))};
    int r = schema_run(self, schema_1);

    if (!r)
        r = pg_run_sql(self,
                       "INSERT INTO @meta VALUES (1, 1, 1, '', convert_from($1::bytea, 'UTF8'),"
                       " now())",
                       url, 1, NULL, NULL);
    return r ? r : pg_schema_adopt(self);
}

static int schema_bring_up_to_date(struct pg_core *self, int64_t version)
{
    int r = 0;

    for (int64_t i = version; i < SCHEMA_VERSION && !r; i++)
        r = schema_run(self, schema_migrations[i]);
    if (r || version >= SCHEMA_VERSION)
        return r;
    const struct pg_value now[] = {PG_NUMBER(SCHEMA_VERSION)};
    return pg_run_sql(self, "UPDATE @meta SET version = $1::int8", now, 1, NULL, NULL);
}

/* Refuses, and says what would let this role make the schema. */
static int schema_refuse_rights(struct pg_core *self, struct buf *why)
{
    const char *schema = self->settings.schema;
    const char *role = PQuser(self->conn);
    int r = buf_printf(why,
                       "OUTBOX: the role %s may not make the schema %s, or tables in it (%s); "
                       "whoever may is to run: CREATE SCHEMA IF NOT EXISTS \"%s\"; "
                       "GRANT USAGE, CREATE ON SCHEMA \"%s\" TO \"%s\";",
                       role, schema, buf_string(&self->trouble), schema, schema, role);

    return r ? r : STORE_REFUSED;
}

static int schema_begin(struct pg_core *self)
{
    int r = pg_run_queue(self, PG_BEGIN, NULL, 0, NULL, NULL);

    if (!r)
        r = pg_run_end(self);
    return r ? r : schema_run(self, schema_patience);
}

static int schema_end(struct pg_core *self, int r)
{
    int end = pg_run_queue(self, r ? PG_ROLLBACK : PG_COMMIT, NULL, 0, NULL, NULL);

    if (!end)
        end = pg_run_end(self);
    return r ? r : end;
}

/* Makes the schema where it is missing: where it is there, nothing needs the right to. */
static int schema_make_schema(struct pg_core *self)
{
    const struct pg_value name[] = {PG_BYTES(span_of(self->settings.schema))};
    cleanup(buf_done) struct buf sql = BUF_NULL;
    bool there = false;
    int r = pg_run_sql(self,
                       "SELECT 1::int4 FROM pg_namespace"
                       " WHERE nspname = convert_from($1::bytea, 'UTF8')",
                       name, 1, pg_run_take_bool, &there);

    if (!r && !there)
        r = buf_printf(&sql, "CREATE SCHEMA \"%s\"", self->settings.schema);
    return r || there ? r : pg_run_sql(self, buf_string(&sql), NULL, 0, NULL, NULL);
}

static int schema_try(struct pg_core *self, bool *taken)
{
    struct pg_meta meta = {.there = false};
    int r = schema_begin(self);

    if (!r)
        r = pg_schema_read(self, true, &meta);
    if (!r && !meta.there)
        r = schema_make_schema(self);
    if (!r)
        r = meta.there ? schema_bring_up_to_date(self, meta.version) : schema_make_tables(self);
    *taken = r == -EEXIST; /* another relay has made them at the same moment */
    return schema_end(self, r);
}

int pg_schema_migrate(struct pg_core *self, struct buf *why)
{
    bool taken = false;

    self->quiet_ms *= 60; /* a large table takes its time */
    self->muted = true;
    int r = schema_try(self, &taken);
    if (taken)
        r = schema_try(self, &taken);
    self->quiet_ms /= 60;
    self->muted = false;
    if (r == STORE_BROKEN && strcmp(self->code, "42501") == 0)
        return schema_refuse_rights(self, why);
    return r;
}

/* ---- A restored copy ---- */

static int schema_take_buried(struct pg_core *self, const PGresult *result, void *ctx)
{
    (void)self;
    *(int64_t *)ctx = pg_core_number(result, 0, 0);
    return 0;
}

#define RESTORED                                                                                   \
    "convert_to('Restored from a backup, in which it was pending: it may have been delivered "     \
    "since',"                                                                                      \
    " 'UTF8')"

/* An event without a record has no order, and so is not stale. What is stale needs no lane. */
static const char schema_bury[] =
    "WITH t AS (DELETE FROM @trouble RETURNING member, id, attempts, tried_ms),"
    " gone AS (DELETE FROM @event RETURNING *),"
    " stale AS (UPDATE @letter SET stale = stale OR record IS NOT NULL,"
    "  reason = CASE WHEN state > 1 THEN " RESTORED " ELSE reason END,"
    "  died_ms = CASE WHEN state > 1 THEN $1::int8 ELSE died_ms END, state = 1),"
    " moved AS (INSERT INTO @letter (id, lane, state, stale, arrived_ms, since_ms, died_ms, was,"
    "  sequence, attempts, tried_ms, model, record, reason, request, import, body)"
    "  SELECT g.id, NULL, 1, g.record IS NOT NULL, g.arrived_ms, g.since_ms, $1::int8, g.was,"
    "  g.sequence, coalesce(t.attempts, 0), coalesce(t.tried_ms, 0), g.model, g.record, " RESTORED
    ",  g.request, g.import, g.body FROM gone g LEFT JOIN t ON t.member = g.member AND t.id = g.id)"
    /* Reads the offers as they were before. */
    " SELECT ((SELECT count(*) FROM gone) + (SELECT count(*) FROM @letter WHERE state > 1))::int8";

/* Whoever was a member is one elsewhere. What they have counted is folded, whatever cycle. */
static const char *const schema_recount[] = {
    "DELETE FROM @beat",
    "DELETE FROM @member",
    "UPDATE @sender SET member = NULL, clean = true",
    NULL,
};

static const char *const schema_recount_pending[] = {
    "UPDATE @total SET buried = buried + pending, dead = dead + pending, pending = 0",
    NULL,
};

int pg_schema_restore(struct pg_core *self, int64_t *buried)
{
    const struct pg_value now[] = {PG_NUMBER(clock_wall_ms(&clock_system))};
    int r = schema_run(self, schema_patience);

    /* A relay may serve beside this command: an event that the relay has under way must be there
     * before events are read. Nobody joins meanwhile, since meta is locked. */
    if (!r)
        r = PG_QUEUE(self, PG_LOCK_MEMBERS, NULL, NULL, PG_NUMBER(0));
    if (!r)
        r = pg_run_end(self);
    if (!r)
        r = pg_run_sql(self, schema_bury, now, 1, schema_take_buried, buried);
    if (!r)
        r = schema_run(self, schema_recount);
    if (!r)
        r = PG_QUEUE(self, PG_FOLD, NULL, NULL, PG_NUMBER(-1), PG_NUMBER(0), PG_NUMBER(0));
    if (!r)
        r = pg_run_end(self);
    if (!r)
        r = schema_run(self, schema_recount_pending);
    return r ? r : pg_schema_adopt(self);
}
