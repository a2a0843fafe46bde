/* SPDX-License-Identifier: MIT */
/*
 * backup: a copy of the outbox, beside a running relay. Who stops it finds nothing of it left.
 */
#pragma once

#include "cli/outbox_request.h"

/* The exit code; it has complained where that is not EXIT_FINE. */
int outbox_backup(struct outbox_console *console, struct store *store,
                  const struct outbox_request *request);
