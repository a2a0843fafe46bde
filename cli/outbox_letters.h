/* SPDX-License-Identifier: MIT */
/*
 * replay, discard: what becomes of dead letters, of those that are named or of all that a selection
 * holds. Both return the exit code, and have complained where it is not EXIT_FINE.
 */
#pragma once

#include "cli/outbox_request.h"

int outbox_replay(struct outbox_console *console, struct store *store,
                  const struct outbox_request *request);
int outbox_discard(struct outbox_console *console, struct store *store,
                   const struct outbox_request *request);
