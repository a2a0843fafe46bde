/* SPDX-License-Identifier: MIT */
/* Connections to PostgreSQL. */
#pragma once

#include "outbox/pg_core.h"

/* Connects, in the place of a connection that is there: blocks for two seconds a host at most,
 * unless the URI or the environment says otherwise: for ten at most, or 60 for a command. 0;
 * STORE_AWAY, and self->trouble says why; STORE_REFUSED: the URI cannot be read; or -ENOMEM. */
int pg_connect(struct pg_core *self);

/* After pg_connect() has returned STORE_AWAY: whether a server has answered that it does not let
 * this client in, as for a wrong password. Asks once more. */
bool pg_connect_is_refused(struct pg_core *self);

/* Notices, without waiting, that the other side has closed the connection. 0 or STORE_AWAY. */
int pg_connect_look(struct pg_core *self);

/* Closes the connection. What was queued and not run never happens. */
void pg_connect_drop(struct pg_core *self);

/* Opens a second connection, which the caller closes by PQfinish(). NULL: it cannot be made. */
PGconn *pg_connect_second(struct pg_core *self);

/* Opens a connection that the caller closes by PQfinish(), with the same defaults for what the URI
 * leaves open. NULL: no memory; or *refused: the URI cannot be read. */
PGconn *pg_connect_open(const char *uri, bool *refused);
