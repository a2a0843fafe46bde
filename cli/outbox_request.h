/* SPDX-License-Identifier: MIT */
/*
 * What `convex-relay outbox` was asked for, and what does it. All return the exit code, and have
 * complained where it is not EXIT_FINE.
 */
#pragma once

#include "cli/outbox_console.h"

enum { OUTBOX_BATCH = 1000 }; /* changes in a transaction: a server is not kept waiting for long */

enum outbox_states { OUTBOX_ANY, OUTBOX_PENDING, OUTBOX_DEAD };

struct outbox_request {
    bool json;
    bool all;
    bool force;
    enum outbox_states states;
    struct span model; /* at NULL: any */
    const uint64_t *ids;
    size_t ids_len;
    const char *file; /* of a backup */
};

/* ---- outbox_look.c ---- */

int outbox_stats(struct outbox_console *console, struct store *store,
                 const struct outbox_request *request);
int outbox_list(struct outbox_console *console, struct store *store,
                const struct outbox_request *request);
int outbox_show(struct outbox_console *console, struct store *store,
                const struct outbox_request *request);

/* ---- outbox_backup.c ---- */

int outbox_backup(struct outbox_console *console, struct store *store,
                  const struct outbox_request *request);

/* ---- outbox_change.c ---- */

int outbox_replay(struct outbox_console *console, struct store *store,
                  const struct outbox_request *request);
int outbox_discard(struct outbox_console *console, struct store *store,
                   const struct outbox_request *request);
