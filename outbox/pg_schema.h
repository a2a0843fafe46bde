/* SPDX-License-Identifier: MIT */
/* The tables of the PostgreSQL store, their versions, and whose they are. */
#pragma once

#include "outbox/pg_core.h"

/* Whether the server can hold an outbox. 0; STORE_REFUSED, and *why has grown by one line; or a
 * failure. */
int pg_schema_check_server(struct pg_core *self, struct buf *why);

/* What is there. */
struct pg_meta {
    bool there;
    int64_t version, oldest_program;
    bool at_home; /* the tables are where they were made, and no restored copy */
    bool same_convex;
};

/* Reads what is there, with a lock that keeps others from changing it until the transaction at hand
 * ends, where lock says so. 0 or a failure. */
int pg_schema_read(struct pg_core *self, bool lock, struct pg_meta *meta);

/* Makes the schema and its tables, or brings them up to date, in transactions of its own. 0;
 * STORE_REFUSED, and *why has grown by one line; or a failure. */
int pg_schema_migrate(struct pg_core *self, struct buf *why);

/* Whether these tables are for this program: 0; or STORE_REFUSED, and *why has grown by one line.
 */
int pg_schema_judge(const struct pg_core *self, const struct pg_meta *meta, struct buf *why);

/* The tables are a restored copy: what was pending becomes letters, and all members are gone. In
 * the transaction at hand, which has read what is there with a lock. *buried: how many. 0 or a
 * failure. */
int pg_schema_restore(struct pg_core *self, int64_t *buried);

/* The tables are at home from now on, as they are. In the transaction at hand, or in one of its
 * own. */
int pg_schema_adopt(struct pg_core *self);
