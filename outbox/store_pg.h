/* SPDX-License-Identifier: MIT */
/* The PostgreSQL store: struct store in one schema of a database. */
#pragma once

#include "outbox/store.h"

/*
 * Opens the store. 0; STORE_REFUSED, and *why has grown by one line that says what to mend (no
 * PostgreSQL, too old, made by a newer version, no right to make the schema …); STORE_BUSY, with
 * such a line (in use by another relay, a wrong password …); or an -errno. A restored copy's
 * pending events become letters, and a log line says so. No line holds a password.
 *
 * In STORE_SERVE a database that cannot be reached is one that may come: 0, and the store is away;
 * resume() opens it, and logs what is refused then. In STORE_BESIDE it must be there (STORE_BUSY),
 * and the schema as well.
 */
int store_pg_open(const struct store_options *options, struct store **store);
