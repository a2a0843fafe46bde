/* SPDX-License-Identifier: MIT */
/* Tending: mending damage that is found while the relay serves. */
#pragma once

#include "outbox/store.h"

/* tend() of struct store_ops. */
int sqlite_tend(struct store *store, bool *mended);
