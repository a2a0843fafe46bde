/* SPDX-License-Identifier: MIT */
/* The PostgreSQL store: struct store in a schema of a database. */
#pragma once

#include "outbox/store.h"

/* Opens the store, as store_sqlite_open() does. */
int store_pg_open(const struct store_options *options, struct store **store);
