/* SPDX-License-Identifier: MIT */
/*
 * What `convex-relay check` and a start look for in a PostgreSQL database. All statements only
 * read, and work with version 12 and for a role without privileges.
 */
#include "outbox/pg_check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libpq-fe.h>
#include <stdarg.h>

#include "base/clock.h"
#include "base/error.h"
#include "outbox/pg_check_pooler.h"
#include "outbox/pg_connect.h"
#include "outbox/pg_server.h"
#include "outbox/pg_uri.h"

enum { CHECK_CLOCK_MS = 60 * 1000 };

struct check {
    const struct store_options *options;
    pg_check_fn say;
    void *ctx;
    PGconn *conn;
};

static void check_conn_freep(PGconn **conn)
{
    PQfinish(*conn);
}

static void check_result_freep(PGresult **result)
{
    PQclear(*result);
}

/* ---- What is told ---- */

static int check_refuse(const struct check *check, const char *format, ...) printf_like(2, 3);
static int check_refuse(const struct check *check, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int r = buf_vprintf(check->options->why, format, args);
    va_end(args);
    return r ? r : STORE_REFUSED;
}

static int check_find(const struct check *check, enum pg_check_finding kind, const char *format,
                      ...) printf_like(3, 4);
static int check_find(const struct check *check, enum pg_check_finding kind, const char *format,
                      ...)
{
    cleanup(buf_done) struct buf line = BUF_NULL;
    va_list args;

    va_start(args, format);
    int r = buf_vprintf(&line, format, args);
    va_end(args);
    const char *text = r ? NULL : buf_string(&line);
    if (!text)
        return -ENOMEM;
    check->say(check->ctx, kind, text);
    return 0;
}

/* ---- The connection ---- */

/* Appends "OUTBOX: postgresql://relay@db/relay: " and what libpq says. */
static int check_failed(const struct check *check)
{
    struct buf *why = check->options->why;
    int r = buf_append_span(why, SPAN("OUTBOX: "));

    if (!r)
        r = pg_uri_show(check->options->uri, why);
    if (!r)
        r = buf_append_span(why, SPAN(": "));
    if (!r)
        r = pg_uri_redact(check->options->uri, PQerrorMessage(check->conn), why);
    return r ? r : STORE_BUSY;
}

/* The rows of a statement with the schema's name as $1. NULL: it failed, and *r is the outcome. */
static PGresult *check_query(const struct check *check, const char *sql, int *r)
{
    const char *const values[] = {check->options->schema};
    PGresult *result =
        PQexecParams(check->conn, sql, strstr(sql, "$1") ? 1 : 0, NULL, values, NULL, NULL, 0);

    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0)
        return result;
    PQclear(result);
    *r = check_failed(check);
    return NULL;
}

/* ---- What the server is ---- */

static int check_server(const struct check *check)
{
    int r = 0;
    cleanup(check_result_freep) PGresult *result = check_query(check, "SELECT version()", &r);

    if (!result)
        return r;
    return pg_server_judge(PQgetvalue(result, 0, 0), PQserverVersion(check->conn),
                           check->options->why);
}

/* From here on PostgreSQL's own functions and operators run, and no others that stand in the role's
 * search path. For a transaction alone, since a pooler would give the session to others. */
static int check_set_path(const struct check *check)
{
    int r = 0;

    PQclear(PQexec(check->conn, "BEGIN"));
    PQclear(
        check_query(check, "SELECT set_config('search_path', 'pg_catalog, pg_temp', true)", &r));
    return r;
}

/* ---- What the server does with events ---- */

enum setting_column {
    SETTING_FSYNC,
    SETTING_FULL_PAGES,
    SETTING_SYNC_COMMIT,
    SETTING_SYNC_STANDBYS,
    SETTING_ISOLATION,
    SETTING_NEON,
    SETTING_STANDBYS,
};

/* A subscriber of a logical slot is no standby, nor is a backup, nor who is only connecting. Roles
 * without privileges see that there is a standby, and nothing more. */
static const char check_settings_sql[] =
    "SELECT current_setting('fsync'), current_setting('full_page_writes'), "
    "current_setting('synchronous_commit'), current_setting('synchronous_standby_names'), "
    "current_setting('default_transaction_isolation'), "
    "EXISTS (SELECT 1 FROM pg_settings WHERE name LIKE 'neon.%'), "
    "(SELECT count(*) FROM pg_stat_replication r "
    "WHERE coalesce(r.state, '') NOT IN ('backup', 'startup') AND NOT EXISTS (SELECT 1 FROM "
    "pg_replication_slots s "
    "WHERE s.active_pid = r.pid AND s.slot_type = 'logical'))";

/* Neon's storage keeps whole pages and commits by itself, and runs with both switched off. */
static int check_is_on(const struct check *check, const PGresult *result, int column,
                       const char *name)
{
    if (strcmp(PQgetvalue(result, 0, column), "off") != 0)
        return 0;
    if (*PQgetvalue(result, 0, SETTING_NEON) == 't')
        return check_find(check, PG_CHECK_WARNING,
                          "OUTBOX: the server has %s = off, which is safe on Neon's own storage "
                          "only; elsewhere set it to on",
                          name);
    return check_find(check, PG_CHECK_UNSAFE,
                      "OUTBOX: the server has %s = off: a crash loses events that were answered "
                      "202, or the whole database; set it to on in postgresql.conf, and reload",
                      name);
}

static int check_settings(const struct check *check)
{
    int r = 0;
    cleanup(check_result_freep) PGresult *result = check_query(check, check_settings_sql, &r);

    if (!result)
        return r;
    const char *commit = PQgetvalue(result, 0, SETTING_SYNC_COMMIT);
    const char *isolation = PQgetvalue(result, 0, SETTING_ISOLATION);
    r = check_is_on(check, result, SETTING_FSYNC, "fsync");
    if (!r)
        r = check_is_on(check, result, SETTING_FULL_PAGES, "full_page_writes");
    if (!r && (strcmp(commit, "off") == 0 || strcmp(commit, "local") == 0))
        r = check_find(check, PG_CHECK_WARNING,
                       "OUTBOX: sessions of this role begin with synchronous_commit = %s; "
                       "ALTER ROLE ... SET synchronous_commit = on",
                       commit);
    if (!r && strcmp(isolation, "read committed") != 0)
        r = check_find(check, PG_CHECK_WARNING,
                       "OUTBOX: sessions of this role begin with default_transaction_isolation = "
                       "%s; ALTER ROLE ... SET default_transaction_isolation = 'read committed'",
                       isolation);
    if (!r && strcmp(PQgetvalue(result, 0, SETTING_STANDBYS), "0") != 0 &&
        !*PQgetvalue(result, 0, SETTING_SYNC_STANDBYS))
        r = check_find(check, PG_CHECK_WARNING,
                       "OUTBOX: the standby is asynchronous: a failover to it may lose events that "
                       "were answered 202, and bring back delivered ones; name it in "
                       "synchronous_standby_names");
    return r;
}

/* Ids are times of the database's clock. */
static int check_clock(const struct check *check)
{
    static const char sql[] = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8";
    int64_t before_ms = clock_wall_ms(&clock_system);
    int r = 0;
    cleanup(check_result_freep) PGresult *result = check_query(check, sql, &r);
    int64_t after_ms = clock_wall_ms(&clock_system);

    if (!result)
        return r;
    int64_t ms = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    bool ahead = ms > after_ms;
    int64_t off_ms = ahead ? ms - after_ms : before_ms - ms;
    if (off_ms <= CHECK_CLOCK_MS)
        return 0;
    return check_find(check, PG_CHECK_WARNING,
                      "OUTBOX: the database's clock, from which events have their numbers, is %lld "
                      "s %s this machine's; let NTP set both",
                      (long long)off_ms / 1000, ahead ? "ahead of" : "behind");
}

/* ---- What the role may do ---- */

enum right_column {
    RIGHT_ROLE,
    RIGHT_DATABASE,
    RIGHT_THERE,
    RIGHT_MAKE,
    RIGHT_USE,
    RIGHT_ADD,
    RIGHT_TABLES,
    RIGHT_OWNER,
    RIGHT_HOLDS,
};

static const char check_rights_sql[] =
    "SELECT quote_ident(current_user), quote_ident(current_database()), n.oid IS NOT NULL, "
    "has_database_privilege(current_database(), 'CREATE'), "
    "coalesce(has_schema_privilege(n.oid, 'USAGE'), false), "
    "coalesce(has_schema_privilege(n.oid, 'CREATE'), false), "
    "NOT EXISTS (SELECT 1 FROM pg_class c WHERE c.relnamespace = n.oid AND CASE c.relkind "
    "WHEN 'r' THEN NOT (has_table_privilege(c.oid, 'SELECT') "
    "AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') "
    "AND has_table_privilege(c.oid, 'DELETE')) "
    "WHEN 'S' THEN NOT (has_sequence_privilege(c.oid, 'SELECT') "
    "AND has_sequence_privilege(c.oid, 'UPDATE')) ELSE false END), "
    "NOT EXISTS (SELECT 1 FROM pg_class c WHERE c.relnamespace = n.oid "
    "AND c.relkind IN ('r', 'S') AND NOT pg_has_role(c.relowner, 'USAGE')), "
    "EXISTS (SELECT 1 FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'meta') "
    "FROM (SELECT to_regnamespace($1)::oid AS oid) n";

static bool check_may(const PGresult *result, enum right_column column)
{
    return *PQgetvalue(result, 0, column) == 't';
}

static int check_rights(const struct check *check, bool *holds)
{
    int r = 0;
    cleanup(check_result_freep) PGresult *result = check_query(check, check_rights_sql, &r);
    const char *schema = check->options->schema;

    if (!result)
        return r;
    const char *role = PQgetvalue(result, 0, RIGHT_ROLE);
    bool there = check_may(result, RIGHT_THERE);
    *holds = check_may(result, RIGHT_HOLDS);
    if (!there && check_may(result, RIGHT_MAKE))
        return check_find(check, PG_CHECK_NOTE,
                          "The schema %s is not there yet: the first start makes it", schema);
    if (!there)
        return check_refuse(check,
                            "OUTBOX_SCHEMA: the database %s has no schema %s, and %s may not make "
                            "it; an administrator does: CREATE SCHEMA %s; GRANT USAGE, CREATE ON "
                            "SCHEMA %s TO %s;",
                            PQgetvalue(result, 0, RIGHT_DATABASE), schema, role, schema, schema,
                            role);
    if (!check_may(result, RIGHT_USE) || !check_may(result, RIGHT_ADD))
        return check_refuse(check,
                            "OUTBOX_SCHEMA: %s may not use the schema %s; an administrator lets "
                            "it: GRANT USAGE, CREATE ON SCHEMA %s TO %s;",
                            role, schema, schema, role);
    if (!check_may(result, RIGHT_TABLES))
        return check_refuse(check,
                            "OUTBOX_SCHEMA: %s may not change all tables of the schema %s; their "
                            "owner lets it: GRANT ALL ON ALL TABLES IN SCHEMA %s TO %s; GRANT ALL "
                            "ON ALL SEQUENCES IN SCHEMA %s TO %s;",
                            role, schema, schema, role, schema, role);
    if (!check_may(result, RIGHT_OWNER))
        return check_find(check, PG_CHECK_WARNING,
                          "OUTBOX_SCHEMA: %s does not own the tables of the schema %s, so that an "
                          "upgrade cannot add to them; make it a member of their owner",
                          role, schema);
    return 0;
}

/* What ALTER ROLE ... SET has given the role. Names with a dot are other programs', and may hold
 * secrets. */
static int check_role_settings(const struct check *check)
{
    static const char sql[] =
        "SELECT current_user, string_agg(s, ', ' ORDER BY s) FROM pg_db_role_setting r "
        "CROSS JOIN LATERAL unnest(r.setconfig) s "
        "WHERE r.setrole = (SELECT oid FROM pg_roles WHERE rolname = current_user) "
        "AND r.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))"
        "AND split_part(s, '=', 1) NOT LIKE '%.%'";
    int r = 0;
    cleanup(check_result_freep) PGresult *result = check_query(check, sql, &r);

    if (!result || PQgetisnull(result, 0, 1))
        return r;
    return check_find(check, PG_CHECK_NOTE, "The role %s begins its sessions with: %s",
                      PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1));
}

/* ---- The way to it ---- */

static bool check_is_local(PGconn *conn)
{
    const char *host = PQhost(conn), *address = PQhostaddr(conn);
    struct in_addr v4;

    if (host && (*host == '/' || *host == '@'))
        return true;
    if (!address)
        return false;
    if (inet_pton(AF_INET, address, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return strcmp(address, "::1") == 0;
}

static int check_way(const struct check *check)
{
    int r = 0;

    if (!PQsslInUse(check->conn) && !check_is_local(check->conn))
        r = check_find(check, PG_CHECK_WARNING,
                       "OUTBOX: the connection to %s is not encrypted: records and maybe the "
                       "password go in the clear; put sslmode=verify-full into the URI",
                       PQhost(check->conn));
    if (r)
        return r;
    switch (pg_check_pooler(check->conn, check->options->uri)) {
    case PG_CHECK_POOLER_NONE:
        return 0;
    case PG_CHECK_POOLER_FINE:
        return check_find(check, PG_CHECK_NOTE,
                          "A pooler stands before the server, and keeps prepared statements");
    case PG_CHECK_POOLER_UNPREPARED:
        return check_find(check, PG_CHECK_WARNING,
                          "OUTBOX: the pooler before the server loses prepared statements, so that "
                          "each statement is planned anew; name the server itself where you can, "
                          "which spares its CPU");
    case PG_CHECK_POOLER_NARROW:
        return check_find(check, PG_CHECK_WARNING,
                          "OUTBOX: the pooler before the server gives no second connection now; a "
                          "relay needs three, and each command one: raise its pool's size");
    case PG_CHECK_POOLER_STATEMENT:
        break;
    }
    return check_refuse(check, "OUTBOX: the pooler before the server takes no transactions; set "
                               "its pool_mode to transaction or session");
}

int pg_check(const struct store_options *options, pg_check_fn say, void *ctx, bool *holds)
{
    bool refused;
    cleanup(check_conn_freep) PGconn *conn = pg_connect_open(options->uri, &refused);
    const struct check check = {options, say, ctx, conn};

    if (!conn)
        return error_origin(-ENOMEM);
    int r = PQstatus(conn) == CONNECTION_OK ? 0 : check_failed(&check);
    if (!r)
        r = check_server(&check);
    if (!r)
        r = check_way(&check);
    if (!r)
        r = check_set_path(&check);
    if (!r)
        r = check_rights(&check, holds);
    if (!r)
        r = check_settings(&check);
    if (!r)
        r = check_clock(&check);
    return r ? r : check_role_settings(&check);
}
