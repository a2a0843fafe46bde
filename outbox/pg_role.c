/* SPDX-License-Identifier: MIT */
/*
 * The settings of this store's role.
 *
 * No setting of a session survives a pooler, and so the role has them, in this database alone. They
 * would hurt other programs that use the same role: a role that owns tables elsewhere in the
 * database, or that may do anything, is left as it is. Without a pooler nothing is lost by that,
 * since each session is set by itself (pg_session.h).
 */
#include "outbox/pg_role.h"

#include "base/log.h"
#include "outbox/pg_run.h"
#include "outbox/pg_session.h"

struct role {
    bool set;     /* it has settings in this database already */
    bool its_own; /* nobody else seems to use it */
    struct buf database;
};

static int role_take(struct pg_core *self, const PGresult *result, void *ctx)
{
    struct role *role = ctx;

    (void)self;
    if (PQntuples(result) == 0)
        return STORE_BROKEN;
    role->set = pg_core_number(result, 0, 0) != 0;
    role->its_own = pg_core_number(result, 0, 1) != 0;
    return buf_append_span(&role->database, pg_core_bytes(result, 0, 2));
}

static const char role_look[] =
    "SELECT EXISTS (SELECT 1 FROM pg_db_role_setting s WHERE s.setrole = r.oid"
    " AND s.setdatabase = d.oid AND s.setconfig::text LIKE '%plan_cache_mode%')::int4,"
    " (NOT r.rolsuper AND NOT EXISTS (SELECT 1 FROM pg_class c"
    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relowner = r.oid"
    " AND c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_'"
    " AND n.nspname <> convert_from($1::bytea, 'UTF8')))::int4, d.datname"
    " FROM pg_roles r, pg_database d WHERE r.rolname = current_user"
    " AND d.datname = current_database()";

static int role_alter_one(struct pg_core *self, const char *name, void *database)
{
    cleanup(buf_done) struct buf sql = BUF_NULL;
    int r = buf_printf(&sql, "ALTER ROLE CURRENT_USER IN DATABASE %s SET %s FROM CURRENT",
                       (const char *)database, name);

    return r ? r : pg_run_sql(self, buf_string(&sql), NULL, 0, NULL, NULL);
}

/* All or nothing, so that who finds one of the settings finds all. */
static int role_alter(struct pg_core *self, const struct role *role)
{
    char *database = PQescapeIdentifier(self->conn, role->database.at, role->database.len);
    int r = database ? 0 : pg_core_lose(self, PQerrorMessage(self->conn));

    if (!r)
        r = pg_run_sql(self, pg_statement_text(PG_BEGIN), NULL, 0, NULL, NULL);
    if (!r)
        r = pg_session_set(self, true);
    if (!r)
        r = pg_session_each(self, role_alter_one, database);
    PQfreemem(database);
    int end = pg_run_sql(self, r ? "ROLLBACK" : "COMMIT", NULL, 0, NULL, NULL);
    return r ? r : end;
}

int pg_role_set(struct pg_core *self)
{
    const struct pg_value schema[] = {PG_BYTES(span_of(self->settings.schema))};
    struct role role = {.database = BUF_NULL};
    int r = pg_run_sql(self, role_look, schema, 1, role_take, &role);

    self->muted = true;
    bool altered = !r && !role.set && role.its_own && role_alter(self, &role) == 0;
    self->muted = false;
    buf_done(&role.database);
    if (!r && self->lost)
        r = STORE_AWAY;
    if (!r && self->pooled && !role.set && !altered)
        log_info("the role has no settings of its own, so that PostgreSQL plans each statement "
                 "anew; give the relay a role that nothing else uses",
                 "schema", self->settings.schema);
    return r;
}
