/* SPDX-License-Identifier: MIT */
/* `outbox stats`, `outbox list` and `outbox show`: what is in the outbox. All return the exit code,
 * and have complained where that is not EXIT_FINE. */
#pragma once

#include "cli/outbox_request.h"

int outbox_view_stats(struct outbox_console *console, struct store *store,
                      const struct outbox_request *request);
int outbox_view_list(struct outbox_console *console, struct store *store,
                     const struct outbox_request *request);
int outbox_view_show(struct outbox_console *console, struct store *store,
                     const struct outbox_request *request);
