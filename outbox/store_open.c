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

/* The options for a database. */
struct open_database {
    struct store_options options;
    char host[HOST_NAME_MAX + 1]; /* its name, where the options give none */
};

/* Fills *database in, which must stay where it is. */
static int open_complete(const struct store_options *options, struct open_database *database)
{
    database->options = *options;
    database->options.uri = options->path;
    database->options.path = NULL;
    if (!options->name) {
        if (gethostname(database->host, sizeof(database->host)) != 0)
            return error_origin(-errno);
        database->host[sizeof(database->host) - 1] = '\0';
        database->options.name = database->host;
    }
    return pg_uri_check(database->options.uri, options->why);
}

static int open_database(const struct store_options *options, struct store **store)
{
    struct open_database database;
    int r = open_complete(options, &database);

    return r ? r : store_pg_open(&database.options, store);
}

/* Whether the outbox that is there is one for this relay, and this program. */
static int open_check_tables(struct open_database *database)
{
    struct store *store = NULL;

    database->options.mode = STORE_BESIDE;
    int r = store_pg_open(&database->options, &store);
    if (r == 0)
        (void)store->ops->close(store);
    return r;
}

/* An outbox that is there is opened, too. */
static int open_check_database(const struct store_options *options, pg_check_fn say, void *ctx)
{
    struct open_database database;
    bool holds = false;
    int r = open_complete(options, &database);

    if (r == 0)
        r = pg_check(&database.options, say, ctx, &holds);
    return r == 0 && holds ? open_check_tables(&database) : r;
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
