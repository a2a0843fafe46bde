/* SPDX-License-Identifier: MIT */
/* The PostgreSQL store: struct store in one schema of a database. */
#pragma once

#include "outbox/store.h"

/*
 * Opens the store. 0; STORE_REFUSED, and *why has grown by one line that says what to mend (no
 * PostgreSQL, too old, made by a newer version, no right to make the schema …); STORE_BUSY, with
 * such a line (cannot be reached, in use by another relay …); or an -errno. A restored copy's
 * pending events become letters, and a log line says so. In STORE_BESIDE the schema must be there.
 * No line holds a password.
 */
int store_pg_open(const struct store_options *options, struct store **store);
