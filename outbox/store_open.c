/* SPDX-License-Identifier: MIT */
/* The store that OUTBOX names. */
#include "outbox/store_open.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "base/error.h"
#include "base/setting_value.h"
#include "outbox/store_sqlite.h"

#ifdef OUTBOX_POSTGRESQL
#include "outbox/pg_uri.h"
#include "outbox/store_pg.h"

bool store_open_has_postgresql(void)
{
    return true;
}

/* Fills in what the caller has left open. host must stay in place as long as the options. */
static int open_complete(const struct store_options *options, char host[HOST_NAME_MAX + 1],
                         struct store_options *database)
{
    *database = *options;
    database->uri = options->path;
    database->path = NULL;
    if (!database->name) {
        if (gethostname(host, HOST_NAME_MAX + 1) != 0)
            return error_origin(-errno);
        host[HOST_NAME_MAX] = '\0';
        database->name = host;
    }
    return pg_uri_check(database->uri, options->why);
}

static int open_database(const struct store_options *options, struct store **store)
{
    char host[HOST_NAME_MAX + 1];
    struct store_options database;
    int r = open_complete(options, host, &database);

    return r ? r : store_pg_open(&database, store);
}

static int open_check_database(const struct store_options *options, pg_check_fn say, void *ctx)
{
    char host[HOST_NAME_MAX + 1];
    struct store_options database;
    int r = open_complete(options, host, &database);

    return r ? r : pg_check(&database, say, ctx);
}
#else
bool store_open_has_postgresql(void)
{
    return false;
}

static int open_refuse_database(const struct store_options *options)
{
    int r = buf_printf(options->why,
                       "OUTBOX: names a PostgreSQL database, and this convex-relay was built "
                       "without PostgreSQL (meson's -Dpostgresql=enabled builds one with it)");

    return r ? r : STORE_REFUSED;
}

static int open_database(const struct store_options *options, struct store **store)
{
    (void)store;
    return open_refuse_database(options);
}

static int open_check_database(const struct store_options *options, pg_check_fn say, void *ctx)
{
    (void)say;
    (void)ctx;
    return open_refuse_database(options);
}
#endif

bool store_open_is_database(const char *outbox)
{
    return setting_value_is_postgresql(outbox);
}

int store_open(const struct store_options *options, struct store **store)
{
    return store_open_is_database(options->path) ? open_database(options, store)
                                                 : store_sqlite_open(options, store);
}

int store_open_check(const struct store_options *options, pg_check_fn say, void *ctx)
{
    return store_open_is_database(options->path) ? open_check_database(options, say, ctx)
                                                 : store_sqlite_check(options);
}

int store_open_warn(const struct store_options *options, pg_check_fn say, void *ctx)
{
    return store_open_is_database(options->path) ? open_check_database(options, say, ctx) : 0;
}
