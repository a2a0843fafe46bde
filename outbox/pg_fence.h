/* SPDX-License-Identifier: MIT */
/* The fence: each transaction's first statement, which fails where this member was closed. */
#pragma once

#include "outbox/pg_core.h"

/* Queues the fence, once in a transaction. alone: all that belongs to the transaction is queued
 * before it runs, so that PostgreSQL's own transaction around these statements will do. 0; or a
 * failure. */
int pg_fence_queue(struct pg_core *self, bool alone);
