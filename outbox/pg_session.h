/* SPDX-License-Identifier: MIT */
/* The settings that a session of the PostgreSQL store wants, whatever its role, its database or its
 * server begin sessions with. */
#pragma once

#include "outbox/pg_core.h"

/* Sets what differs. local: for the transaction at hand alone. 0 or a failure. */
int pg_session_set(struct pg_core *self, bool local);

/* Calls fn with the name of each setting, until that returns anything but 0, which is returned. */
int pg_session_each(struct pg_core *self,
                    int (*fn)(struct pg_core *self, const char *name, void *ctx), void *ctx);
