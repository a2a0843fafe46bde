/* SPDX-License-Identifier: MIT */
/*
 * Connections.
 *
 * What is not said in the URI is set so that a dead server is noticed soon, and so that of several
 * hosts the one that can write is taken. A pooler that hands the session of a server from one
 * client to another gives itself away: the server's process is not the one that was announced.
 *
 * No text of a URI that cannot be read is shown: it could be a part of a password.
 */
#include "outbox/pg_connect.h"

#include <errno.h>

#include "base/error.h"
#include "outbox/pg_run.h"
#include "outbox/pg_session.h"

#define CONNECT_TIMEOUT "2" /* s */

static const struct connect_default {
    const char *keyword, *value;
} connect_defaults[] = {
    {"target_session_attrs", "read-write"}, {"application_name", "convex-relay"},
    {"tcp_user_timeout", "10000"},          {"keepalives_idle", "5"},
    {"keepalives_interval", "2"},           {"keepalives_count", "3"},
};

enum { CONNECT_KEYWORDS_MAX = 96 };

struct connect_keywords {
    const char *keywords[CONNECT_KEYWORDS_MAX + 1];
    const char *values[CONNECT_KEYWORDS_MAX + 1];
    size_t len;
};

static void connect_add(struct connect_keywords *all, const char *keyword, const char *value)
{
    if (all->len == CONNECT_KEYWORDS_MAX)
        return;
    all->keywords[all->len] = keyword;
    all->values[all->len++] = value;
}

/* Whether the environment says it: libpq takes that where a parameter is not given. */
static bool connect_is_in_environment(const PQconninfoOption *option)
{
    return option->envvar && getenv(option->envvar);
}

/* serves: a stop waits for a connection that is being made, and so none is waited for long; nor
 * without end, which is 0, for a command. */
static const char *connect_bound(const char *timeout, bool serves)
{
    const char *longest = serves ? "10" : "60";
    long s = strtol(timeout, NULL, 10);

    return s <= 0 || s > strtol(longest, NULL, 10) ? longest : timeout;
}

static const char *connect_timeout(const PQconninfoOption *option, bool serves)
{
    if (option->val)
        return connect_bound(option->val, serves);
    const char *value = getenv(option->envvar);
    return value ? connect_bound(value, serves) : CONNECT_TIMEOUT;
}

static void connect_add_option(struct connect_keywords *all, const PQconninfoOption *option,
                               bool serves)
{
    if (strcmp(option->keyword, "connect_timeout") == 0) {
        connect_add(all, option->keyword, connect_timeout(option, serves));
        return;
    }
    if (option->val) {
        connect_add(all, option->keyword, option->val);
        return;
    }
    for (size_t i = 0; i < array_len(connect_defaults); i++)
        if (strcmp(connect_defaults[i].keyword, option->keyword) == 0 &&
            !connect_is_in_environment(option))
            connect_add(all, option->keyword, connect_defaults[i].value);
}

static PGconn *connect_open(const char *uri, bool serves, bool *refused)
{
    struct connect_keywords all = {.len = 0};
    char *text = NULL;
    PQconninfoOption *options = PQconninfoParse(uri, &text);

    *refused = !options && text;
    PQfreemem(text);
    if (!options)
        return NULL;
    for (const PQconninfoOption *option = options; option->keyword; option++)
        connect_add_option(&all, option, serves);
    PGconn *conn = PQconnectdbParams(all.keywords, all.values, 0);
    PQconninfoFree(options);
    return conn;
}

PGconn *pg_connect_open(const char *uri, bool *refused)
{
    return connect_open(uri, false, refused);
}

/* A server that ends a connection on which nothing goes on says why in a notice. */
static void connect_notice(void *ctx, const PGresult *notice)
{
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);

    if (severity && text && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
        (void)pg_core_lose(ctx, text);
}

/* Some poolers keep the statements that a client has named, others lose them with the session: a
 * relay tries (pg_core.c). For the few statements of a command names are not worth a try. */
static int connect_take_process(struct pg_core *self, const PGresult *result, void *ctx)
{
    (void)ctx;
    self->pooled = pg_core_number(result, 0, 0) != PQbackendPID(self->conn);
    self->unnamed |= self->pooled && !self->settings.serves;
    return 0;
}

static int connect_prepare(struct pg_core *self)
{
    if (PQsetnonblocking(self->conn, 1) || !PQenterPipelineMode(self->conn))
        return pg_core_lose(self, PQerrorMessage(self->conn));
    (void)PQsetNoticeReceiver(self->conn, connect_notice, self);
    int r = pg_run_sql(self, "SELECT pg_backend_pid()::int8", NULL, 0, connect_take_process, NULL);
    /* Behind a pooler this session would serve another client next: there the role has the settings
     * (pg_role.c). */
    return r || self->pooled ? r : pg_session_set(self, false);
}

int pg_connect(struct pg_core *self)
{
    bool refused;

    pg_connect_drop(self);
    self->lost = self->pooled = self->store.renews = false;
    self->conn = connect_open(self->settings.uri, self->settings.serves, &refused);
    if (refused)
        return STORE_REFUSED;
    if (!self->conn)
        return error_origin(-ENOMEM);
    if (PQstatus(self->conn) != CONNECTION_OK)
        return pg_core_lose(self, PQerrorMessage(self->conn));
    return connect_prepare(self);
}

/* What stands between the severity and the text, where a server has answered. */
static const char connect_mark[] = ":  ";

enum { CONNECT_CODE_LEN = 5 };

/* The next answer of a server in a text of libpq's that has codes: where its code stands. NULL:
 * there is none. */
static const char *connect_answer(const char *text)
{
    const char *at = text;

    while ((at = strstr(at, connect_mark)) != NULL) {
        at += strlen(connect_mark);
        if (strspn(at, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == CONNECT_CODE_LEN &&
            at[CONNECT_CODE_LEN] == ':')
            break;
    }
    return at;
}

/* A wrong name, password or database, or no right to connect. A pooler that cannot reach its server
 * has other codes. */
static bool connect_is_refusal(const char *code)
{
    return strncmp(code, "28", 2) == 0 || strncmp(code, "3D000", 5) == 0 ||
           strncmp(code, "42501", 5) == 0;
}

/* libpq tells the code of a refused connection in its text alone, and there only where it is asked
 * to beforehand. */
bool pg_connect_is_refused(struct pg_core *self)
{
    if (!self->conn || PQstatus(self->conn) == CONNECTION_OK)
        return false;
    if (PQconnectionNeedsPassword(self->conn))
        return true;
    if (!strstr(PQerrorMessage(self->conn), connect_mark))
        return false;
    (void)PQsetErrorVerbosity(self->conn, PQERRORS_VERBOSE);
    PQreset(self->conn);
    const char *answer = connect_answer(PQerrorMessage(self->conn));
    bool refused = PQstatus(self->conn) != CONNECTION_OK && answer;
    for (; refused && answer; answer = connect_answer(answer)) /* one of each host */
        refused = connect_is_refusal(answer);
    return refused;
}

int pg_connect_look(struct pg_core *self)
{
    if (self->lost || !self->conn)
        return STORE_AWAY;
    bool well = PQconsumeInput(self->conn) != 0;
    (void)PQisBusy(self->conn); /* reads what has come */
    if (self->lost)
        return STORE_AWAY;
    if (well && PQstatus(self->conn) != CONNECTION_BAD)
        return 0;
    return pg_core_lose(self, PQerrorMessage(self->conn));
}

void pg_connect_drop(struct pg_core *self)
{
    PQfinish(self->conn);
    self->conn = NULL;
    self->awaited_len = 0;
    memset(self->prepared, 0, sizeof(self->prepared));
}

PGconn *pg_connect_second(struct pg_core *self)
{
    bool refused;
    PGconn *conn = connect_open(self->settings.uri, true, &refused);

    if (conn && PQstatus(conn) == CONNECTION_OK)
        return conn;
    PQfinish(conn);
    return NULL;
}
