/* SPDX-License-Identifier: MIT */
/* `outbox adopt`: makes a copied database an outbox of its own, which sends nothing by itself. */
#pragma once

#include "cli/outbox_request.h"

/* Returns the exit code, and has complained where that is not EXIT_FINE. */
int outbox_adopt(struct outbox_console *console, struct store *store,
                 const struct outbox_request *request);
