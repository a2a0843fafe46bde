/* SPDX-License-Identifier: MIT */
/* Room for new events. */
#pragma once

#include "outbox/sqlite_core.h"

/* Takes the room for an append of that many bytes. 0, STORE_FULL, or as sqlite_core_outcome(). */
int sqlite_room_take(struct sqlite_core *self, int64_t bytes);
