/* SPDX-License-Identifier: MIT */
/* Whether a session that says nothing is at work. */
#pragma once

#include "outbox/pg_core.h"

/* Asks the server by a second connection: a statement that reads a large table says nothing for
 * long; one that waits for a lock or a standby is not at work. False where nobody can tell: behind
 * a pooler, and where the server does not answer. */
bool pg_watch_is_at_work(struct pg_core *self);
