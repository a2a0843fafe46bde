/* SPDX-License-Identifier: MIT */
/* Damage: rows that cannot be read. */
#pragma once

#include "outbox/pg_core.h"

/*
 * Reads on behind a page that met damage, as read() of struct store_ops; in no transaction. The
 * store that serves sets aside what cannot be read: the rows are deleted, and count as discarded
 * and spoilt. One that cannot be deleted either becomes a suspect, and is left out. Any other store
 * leaves all of them out, and fails with STORE_BROKEN at the end. STORE_BROKEN at once: so much
 * cannot be read that the table, or its index, is at fault as a whole.
 */
int pg_mend_read(struct pg_core *self, const struct store_filter *filter, uint64_t after,
                 uint64_t rows_max, store_row_fn fn, void *ctx);

/* Once a second: looks at the suspects, and sets aside those that cannot be read. 0; STORE_AWAY; or
 * STORE_BROKEN: some can be neither read nor removed. */
int pg_mend_suspects(struct pg_core *self);
