/* SPDX-License-Identifier: MIT */
/* Becoming the member that sends. */
#pragma once

#include "outbox/pg_core.h"

/*
 * Joins as a member that sends, once the member that sends now is certainly gone; where that cannot
 * be told at once, looks for as long as its lease is. 0; STORE_BUSY, and *why has grown by one line
 * that says who sends; or a failure.
 */
int pg_takeover(struct pg_core *self, struct buf *why);

/* The call of struct store_ops. */
int pg_takeover_adopt(struct store *store, uint64_t *buried);
