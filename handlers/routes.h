/* SPDX-License-Identifier: MIT */
/*
 * Which Convex mutation a model's events go to: the file that ROUTES names.
 *
 *   { "posts": { "mutation": "posts:sync", "remove": "posts:delete", "nulls": "drop",
 *                "concurrency": 1 } }
 *
 * A set of routes never changes. A reload makes a new one; whoever still needs the old one holds a
 * reference to it. What is known about a route beyond its file (attempts in flight, a hold) is kept
 * by model elsewhere, so that it outlives the set.
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
};

struct route {
    char *model;
    char *mutation;
    char *remove;    /* the mutation for operation "remove"; NULL: none of its own */
    bool drop_nulls; /* leave out members of data that are null */
    int concurrency; /* attempts in flight at most; 0: not given */
};

struct routes;

/*
 * Reads the file, or without one (path is NULL) gives the guide's: users to users:syncFromBlade and
 * posts to posts:syncFromBlade. The caller owns the one reference. ROUTES_INVALID: *why has grown
 * by one line that names ROUTES, the file, the model and the key, and says what to mend; a file
 * without any route is invalid, too. Or an -errno.
 */
int routes_load(const char *path, struct routes **routes, struct buf *why);

/* References belong to one thread. The last one to go frees the routes. */
struct routes *routes_ref(struct routes *routes);
struct routes *routes_unref(struct routes *routes);
CLEANUP_POINTER(struct routes, routes_unref);

/* NULL: no route. What it returns lives as long as the routes do. */
const struct route *routes_find(const struct routes *routes, struct span model);

/* All of them, by model, in the order of their bytes. */
size_t routes_count(const struct routes *routes);
const struct route *routes_at(const struct routes *routes, size_t i);
