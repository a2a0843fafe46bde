/* SPDX-License-Identifier: MIT */
/* What `convex-relay check` and a start look for in a PostgreSQL database. */
#pragma once

#include "outbox/store.h"

enum pg_check_finding {
    PG_CHECK_NOTE,    /* good to know */
    PG_CHECK_WARNING, /* works, but slower or with a risk */
    PG_CHECK_UNSAFE,  /* events that were answered 202 may be lost: no reason to stop a relay, but
                         one for `check` to fail */
};

/* One finding, as a line that says what to mend. */
typedef void (*pg_check_fn)(void *ctx, enum pg_check_finding kind, const char *line);

/*
 * Connects to options->uri, changes nothing there, and calls say for each finding. 0; STORE_REFUSED
 * or STORE_BUSY, and *why has grown by one line that names OUTBOX and what to mend: the database
 * cannot be used at all, or cannot be reached now; or an -errno. *holds: the schema holds an
 * outbox.
 */
int pg_check(const struct store_options *options, pg_check_fn say, void *ctx, bool *holds);
