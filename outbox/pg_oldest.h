/* SPDX-License-Identifier: MIT */
/* The oldest event that waits. */
#pragma once

#include "outbox/pg_core.h"

/*
 * Reads self->oldest.ms, unless it is known. pending: how many events wait. A store that serves
 * does not read it more often than some times a second: then the value is a little too old, and
 * owed. 0 or a failure.
 */
int pg_oldest_read(struct pg_core *self, uint64_t pending);
