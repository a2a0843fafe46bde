/* SPDX-License-Identifier: MIT */
/* After a connection was lost. */
#pragma once

#include "outbox/pg_core.h"

/* The call of struct store_ops. */
int pg_resume(struct store *store, bool *committed);
