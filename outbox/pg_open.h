/* SPDX-License-Identifier: MIT */
/* Opening a store in PostgreSQL, at once or once the database is there. */
#pragma once

#include "outbox/pg_core.h"

/*
 * Connects, brings the tables up to date where this store serves, and joins. 0; STORE_REFUSED or
 * STORE_BUSY, and *why has grown by one line that says what to mend; STORE_AWAY: the database is
 * not there, and may come; or an -errno. May be called again.
 */
int pg_open(struct pg_core *self, struct buf *why);

/* The same for resume(), with a log line where the database is there, and cannot be used: once for
 * each reason. 0; STORE_AWAY; or an -errno. */
int pg_open_late(struct pg_core *self);
