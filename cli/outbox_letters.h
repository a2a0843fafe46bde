/* SPDX-License-Identifier: MIT */
/* `outbox replay` and `outbox discard`, of letters that are named or of all that a selection holds.
 * Both return the exit code, and have complained where that is not EXIT_FINE. */
#pragma once

#include "cli/outbox_request.h"

int outbox_letters_replay(struct outbox_console *console, struct store *store,
                          const struct outbox_request *request);
int outbox_letters_discard(struct outbox_console *console, struct store *store,
                           const struct outbox_request *request);
