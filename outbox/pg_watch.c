/* SPDX-License-Identifier: MIT */
#include "outbox/pg_watch.h"

#include <stdio.h>

#include "outbox/pg_connect.h"

static const char watch_look[] =
    "SELECT 1 FROM pg_catalog.pg_stat_activity a WHERE a.pid = $1::int AND a.state = 'active'"
    " AND coalesce(a.wait_event_type, '') NOT IN ('Lock', 'IPC', 'Client')";

bool pg_watch_is_at_work(struct pg_core *self)
{
    char pid[24];
    const char *const values[] = {pid};
    PGconn *second = self->pooled ? NULL : pg_connect_second(self);

    if (!second)
        return false;
    (void)snprintf(pid, sizeof(pid), "%d", PQbackendPID(self->conn));
    PGresult *result = PQexecParams(second, watch_look, 1, NULL, values, NULL, NULL, 0);
    bool at_work = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0;

    PQclear(result);
    PQfinish(second);
    return at_work;
}
