/* SPDX-License-Identifier: MIT */
/* `outbox backup`: a copy of the outbox, which a running relay may use meanwhile. */
#pragma once

#include "cli/outbox_request.h"

/* Returns the exit code, and has complained where that is not EXIT_FINE. A backup that is stopped
 * leaves no file. */
int outbox_backup(struct outbox_console *console, struct store *store,
                  const struct outbox_request *request);
