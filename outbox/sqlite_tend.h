/* SPDX-License-Identifier: MIT */
/* Damage that is found while the relay serves. */
#pragma once

#include "outbox/store.h"

/* struct store_ops */
int sqlite_tend(struct store *store, bool *mended);
