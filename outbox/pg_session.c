/* SPDX-License-Identifier: MIT */
/*
 * The settings of a session.
 *
 * Whoever may create functions or operators in a schema of the search path could have them run as
 * this role: one whose types fit better goes before PostgreSQL's own. A transaction that sees the
 * database as it was at its beginning would count by rows that are gone, and fail where another one
 * was quicker. A policy that hides rows would do so unseen. A time limit that is too short would
 * end the same transaction over and over. A process that was stopped in the middle of a transaction
 * would keep its locks: the server ends that sooner than others give up waiting.
 */
#include "outbox/pg_session.h"

#include "outbox/pg_run.h"

static const struct session_setting {
    const char *name, *value; /* as current_setting() says it */
    int since;                /* server_version_num */
} session_settings[] = {
    {"search_path", "pg_catalog, pg_temp", 0},
    {"default_transaction_isolation", "read committed", 0},
    {"row_security", "off", 0}, /* an error, and not fewer rows */
    {"plan_cache_mode", "force_generic_plan", 0},
    {"enable_seqscan", "off", 0},
    {"enable_hashjoin", "off", 0},
    {"enable_mergejoin", "off", 0},
    {"jit", "off", 0},
    {"statement_timeout", "1min", 0},
    {"lock_timeout", "0", 0},
    {"idle_in_transaction_session_timeout", "8s", 0},
    {"idle_session_timeout", "0", 140000},
    {"transaction_timeout", "0", 170000},
    {"tcp_keepalives_idle", "5", 0},
    {"tcp_keepalives_interval", "2", 0},
    {"tcp_keepalives_count", "3", 0},
};

/* A commit that waits for more than a standby's disk is none the worse. */
static const char session_commit[] =
    " UNION ALL SELECT set_config('synchronous_commit', 'on', $1::int8 <> 0)"
    " WHERE current_setting('synchronous_commit') IN ('off', 'local')";

static bool session_has(const struct pg_core *self, const struct session_setting *setting)
{
    return PQserverVersion(self->conn) >= setting->since;
}

/* The rows of VALUES. */
static int session_append_rows(const struct pg_core *self, struct buf *sql)
{
    const char *between = "";
    int r = 0;

    for (size_t i = 0; i < array_len(session_settings) && !r; i++) {
        const struct session_setting *setting = &session_settings[i];
        if (!session_has(self, setting))
            continue;
        r = buf_printf(sql, "%s('%s', '%s')", between, setting->name, setting->value);
        between = ", ";
    }
    return r;
}

int pg_session_set(struct pg_core *self, bool local)
{
    const struct pg_value values[] = {PG_NUMBER(local)};
    cleanup(buf_done) struct buf sql = BUF_NULL;
    int r = buf_append_span(
        &sql, SPAN("SELECT set_config(s.name, s.value, $1::int8 <> 0) FROM (VALUES "));

    if (!r)
        r = session_append_rows(self, &sql);
    if (!r)
        r = buf_append_span(
            &sql, SPAN(") s(name, value) WHERE current_setting(s.name, true) <> s.value"));
    if (!r)
        r = buf_append_span(&sql, span_of(session_commit));
    return r ? r : pg_run_sql(self, buf_string(&sql), values, array_len(values), NULL, NULL);
}

int pg_session_each(struct pg_core *self, int (*fn)(struct pg_core *, const char *, void *),
                    void *ctx)
{
    int r = fn(self, "synchronous_commit", ctx);

    for (size_t i = 0; i < array_len(session_settings) && !r; i++)
        if (session_has(self, &session_settings[i]))
            r = fn(self, session_settings[i].name, ctx);
    return r;
}
