/* SPDX-License-Identifier: MIT */
/* Opening the SQLite file. */
#pragma once

#include "outbox/sqlite_core.h"

/* Opens the file into a store of sqlite_connect_new(). Outcomes of store_sqlite_open(). */
int sqlite_open(const struct store_options *options, struct sqlite_core *self);

/* Opens a second connection to the file, checks the whole file, and mends any damage. 0; or
 * STORE_BROKEN or an -errno, which is logged, and the store goes on with the first connection. */
int sqlite_open_again(struct sqlite_core *self);
