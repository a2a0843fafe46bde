/* SPDX-License-Identifier: MIT */
/*
 * Whether a pooler stands before a PostgreSQL server.
 *
 * A pooler makes up what cancels a statement, the number of the server's process among it, so that
 * this number is not the one that the server says. A pooler in transaction mode may give each
 * transaction another connection to the server. So a second session holds the one that the first
 * has used, while the first executes what it has prepared there.
 */
#include "outbox/pg_check_pooler.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "outbox/pg_connect.h"

enum { POOLER_WAIT_MS = 2000 };

static void pooler_conn_freep(PGconn **conn)
{
    PQfinish(*conn);
}

/* Whether the statement succeeds. */
static bool pooler_does(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);

    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static bool pooler_is_there(PGconn *conn)
{
    PGresult *result = PQexec(conn, "SELECT pg_backend_pid()");
    bool there = PQresultStatus(result) == PGRES_TUPLES_OK &&
                 strtol(PQgetvalue(result, 0, 0), NULL, 10) != PQbackendPID(conn);

    PQclear(result);
    return there;
}

/* Waits for the answer to what was sent. False: none came in time, or the connection is lost. */
static bool pooler_answers(PGconn *conn)
{
    int64_t end_ms = clock_mono_ms(&clock_system) + POOLER_WAIT_MS;

    for (;;) {
        struct pollfd fd = {.fd = PQsocket(conn), .events = POLLIN};
        int64_t left_ms = end_ms - clock_mono_ms(&clock_system);
        if (!PQconsumeInput(conn))
            return false;
        if (!PQisBusy(conn))
            return true;
        if (left_ms <= 0 || poll(&fd, 1, (int)left_ms) < 0)
            return false;
    }
}

static bool pooler_executes(PGconn *conn)
{
    PGresult *result = PQgetResult(conn);
    bool fine = PQresultStatus(result) == PGRES_TUPLES_OK;

    while (result) {
        PQclear(result);
        result = PQgetResult(conn);
    }
    return fine;
}

enum pg_check_pooler pg_check_pooler(PGconn *conn, const char *uri)
{
    char name[64], forget[96];
    bool refused;

    if (!pooler_is_there(conn))
        return PG_CHECK_POOLER_NONE;
    cleanup(pooler_conn_freep) PGconn *other = pg_connect_open(uri, &refused);
    if (PQstatus(other) != CONNECTION_OK)
        return PG_CHECK_POOLER_NARROW;

    (void)snprintf(name, sizeof(name), "convex_relay_check_%ld_%lld", (long)getpid(),
                   (long long)clock_wall_ms(&clock_system));
    (void)snprintf(forget, sizeof(forget), "DEALLOCATE %s", name);
    PQclear(PQprepare(conn, name, "SELECT 1", 0, NULL));
    if (!pooler_does(other, "BEGIN"))
        return PG_CHECK_POOLER_STATEMENT;
    /* A pooler gives the server's connection at the first statement that wants it. */
    if (!pooler_does(other, "SELECT 1"))
        return PG_CHECK_POOLER_NARROW;
    bool sent = PQsendQueryPrepared(conn, name, 0, NULL, NULL, NULL, 0) == 1;
    bool answered = sent && pooler_answers(conn);
    bool fine = answered && pooler_executes(conn);
    if (answered && !fine) /* the pooler would keep the statement with its connection */
        (void)pooler_does(other, forget);
    (void)pooler_does(other, "ROLLBACK");
    if (!answered) {
        if (pooler_answers(conn))
            (void)pooler_executes(conn);
        return PG_CHECK_POOLER_NARROW;
    }
    return fine ? PG_CHECK_POOLER_FINE : PG_CHECK_POOLER_UNPREPARED;
}
