/* SPDX-License-Identifier: MIT */
/*
 * The store that OUTBOX names: a file of SQLite, or a database of PostgreSQL. The options' path is
 * the text of OUTBOX, their name may be NULL for the host's, and why grows as the stores say.
 */
#pragma once

#include <stdbool.h>

#include "outbox/pg_check.h"
#include "outbox/store.h"

/* Whether this program was built with PostgreSQL. */
bool store_open_has_postgresql(void);

/* Whether the text of OUTBOX names a database. */
bool store_open_is_database(const char *outbox);

/* Opens the store. 0, and a database that cannot be reached may come later (store_pg.h);
 * STORE_REFUSED or STORE_BUSY, and *why has grown by one line that names OUTBOX and what to mend;
 * or an -errno. */
int store_open(const struct store_options *options, struct store **store);

/* Whether a relay could open the store, as far as can be told without changing anything. The same
 * outcomes. say is called with what is found in a database beside that. */
int store_open_check(const struct store_options *options, pg_check_fn say, void *ctx);
