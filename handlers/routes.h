/* SPDX-License-Identifier: MIT */
/*
 * Which Convex mutation a model's events go to: the file that ROUTES names.
 *
 *   { "posts": { "mutation": "posts:sync", "remove": "posts:delete", "nulls": "drop",
 *                "concurrency": 1, "batch": "posts:syncBatch", "sequence": "syncSeq" },
 *     "users": { "mutation": "users:sync",
 *                "batch": { "mutation": "users:syncBatch", "max": 50, "argument": "users" } } }
 *
 * A set of routes never changes. A reload makes a new set; whoever still needs the old set holds a
 * reference. What else is known about a route (attempts in flight, a hold) is kept in the relay, by
 * model (relay/model.h), and so outlives the set.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/span.h"
#include "base/util.h"

enum { ROUTES_INVALID = 1 };

enum {
    ROUTES_MAX = 1000,
    ROUTES_FILE_MAX_BYTES = 1024 * 1024,
    ROUTES_CONCURRENCY_MAX = 1024, /* as CONVEX_CONCURRENCY's */
    ROUTES_BATCH_DEFAULT = 50,
    ROUTES_BATCH_MIN = 2,
    ROUTES_BATCH_MAX = 500,
    ROUTES_FIELD_MAX = 1024, /* bytes; Convex's limit for a field name */
};

/* The mutation that takes several events at once: {argument: [data, ...]}. */
struct route_batch {
    char *mutation; /* NULL: there is none */
    char *argument; /* the name of the member, as JSON with its quotes */
    int max;        /* events in one call */
};

struct route {
    char *model;
    char *mutation;
    char *remove;    /* the mutation for operation "remove"; NULL: none of its own */
    bool drop_nulls; /* leave out members of data that are null */
    int concurrency; /* attempts in flight at most; 0: not given */
    struct route_batch batch;
    char *sequence; /* the member of the arguments that gets the event's id, as JSON with its
                       quotes; NULL: none */
};

struct routes;

/*
 * Reads the file; path NULL gives the guide's routes: users to users:syncFromBlade and posts to
 * posts:syncFromBlade. The caller owns the one reference. 0; ROUTES_INVALID: *why has grown by one
 * line that names ROUTES, the file, the model and the key, and says what is wrong; or an -errno. A
 * file without any route is invalid, too.
 */
int routes_load(const char *path, struct routes **routes, struct buf *why);

/* References belong to one thread. The last unref frees the routes. */
struct routes *routes_ref(struct routes *routes);
struct routes *routes_unref(struct routes *routes);
CLEANUP_POINTER(struct routes, routes_unref);

/* NULL: no route. The route lives as long as the routes do. */
const struct route *routes_find(const struct routes *routes, struct span model);

/* The routes in the order of their models' bytes. */
size_t routes_count(const struct routes *routes);
const struct route *routes_at(const struct routes *routes, size_t i);
