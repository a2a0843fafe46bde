/* SPDX-License-Identifier: MIT */
/* Opening the SQLite file. */
#pragma once

#include "outbox/sqlite_store.h"

/* Opens what options name, into a store that is new. As store_sqlite_open(). */
int sqlite_open(const struct store_options *options, struct sqlite_store *self);

/* Opens the file anew, looks all of it over, and mends it where it is damaged. 0; or what is in the
 * way, which the log was told, and the store is as it was. */
int sqlite_open_again(struct sqlite_store *self);
