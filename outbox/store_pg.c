/* SPDX-License-Identifier: MIT */
#include "outbox/store_pg.h"

int store_pg_open(const struct store_options *options, struct store **store)
{
    (void)store;
    int r = buf_printf(options->why, "OUTBOX: PostgreSQL is not built yet");
    return r ? r : STORE_BUSY;
}
