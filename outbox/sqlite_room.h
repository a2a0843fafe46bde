/* SPDX-License-Identifier: MIT */
/* Room for new events. */
#pragma once

#include "outbox/sqlite_store.h"

/* Takes the room for an append of that many bytes. 0, STORE_FULL, or as sqlite_store_outcome(). */
int sqlite_room_take(struct sqlite_store *self, int64_t bytes);
