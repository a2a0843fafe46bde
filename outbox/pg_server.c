/* SPDX-License-Identifier: MIT */
/*
 * What answers in PostgreSQL's protocol.
 *
 * Others lack what the outbox stands on: rows that become visible in the order of their numbers,
 * and locks behind which a row is read again.
 */
#include "outbox/pg_server.h"

#include <string.h>

#include "outbox/store.h"

enum { SERVER_VERSION_MIN = 12 };

/* Who it is, if not PostgreSQL. NULL: it is. */
static const char *server_impostor(const char *version)
{
    static const struct {
        const char *mark, *name;
    } others[] = {
        {"CockroachDB", "CockroachDB"}, {"-YB-", "YugabyteDB"},       {"Redshift", "Redshift"},
        {"Greenplum", "Greenplum"},     {"openGauss", "openGauss"},   {"GaussDB", "GaussDB"},
        {"Materialize", "Materialize"}, {"CrateDB", "CrateDB"},       {"QuestDB", "QuestDB"},
        {"DuckDB", "DuckDB"},           {"RisingWave", "RisingWave"},
    };

    for (size_t i = 0; i < array_len(others); i++)
        if (strstr(version, others[i].mark))
            return others[i].name;
    return strncmp(version, "PostgreSQL ", 11) == 0 || strstr(version, "EnterpriseDB")
               ? NULL
               : "another database";
}

int pg_server_judge(const char *version, int64_t number, struct buf *why)
{
    const char *impostor = server_impostor(version);
    int r;

    if (!impostor && number / 10000 >= SERVER_VERSION_MIN)
        return 0;
    if (impostor)
        r = buf_printf(why,
                       "OUTBOX: the server is %s, not PostgreSQL, and does not keep events in the "
                       "order that relays rely on; name a PostgreSQL of version %d or newer",
                       impostor, SERVER_VERSION_MIN);
    else
        r = buf_printf(why, "OUTBOX: the server is PostgreSQL %d; version %d or newer is needed",
                       (int)(number / 10000), SERVER_VERSION_MIN);
    return r ? r : STORE_REFUSED;
}
