/* SPDX-License-Identifier: MIT */
/* Tending: what a relay that serves does once a second. */
#pragma once

#include "outbox/pg_core.h"

/* The call of struct store_ops. */
int pg_tend(struct store *store, bool *mended);
