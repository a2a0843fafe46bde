/* SPDX-License-Identifier: MIT */
/* Changes of dead letters, many in a transaction. */
#pragma once

#include "cli/outbox_request.h"

enum { OUTBOX_CHANGE_BATCH = 1000 }; /* a server is not kept waiting for longer */

enum outbox_change_outcome {
    OUTBOX_CHANGE_MADE,
    OUTBOX_CHANGE_STALE,
    OUTBOX_CHANGE_UNKNOWN,
    OUTBOX_CHANGE_PENDING,
    OUTBOX_CHANGE_REPLAYED, /* waits to be sent again already */
};

/* A kind of change: how the store does it, and what is said of a letter then. */
struct outbox_change {
    int (*make)(struct store *store, uint64_t id, bool force);
    bool spares_stale; /* unless it is forced */
    const char *one_is, *many_are, *would_be;
};

extern const struct outbox_change outbox_change_replay;
extern const struct outbox_change outbox_change_discard;

struct outbox_change_batch {
    size_t len;
    uint64_t ids[OUTBOX_CHANGE_BATCH];
    enum outbox_change_outcome outcomes[OUTBOX_CHANGE_BATCH];
};

/* What would become of a row. */
enum outbox_change_outcome outbox_change_foresee(const struct outbox_change *change,
                                                 const struct store_row *row, bool force);

/*
 * Fills in the outcomes of a batch, in one transaction; of a dry run those that would be, and
 * nothing changes. 0; or what the store's operations return, and nothing of it has happened.
 */
int outbox_change_run(const struct outbox_change *change, struct store *store,
                      const struct outbox_request *request, struct outbox_change_batch *batch);

/* "is discarded", behind so many letters that it was made of, or of a dry run would be. */
const char *outbox_change_says(const struct outbox_change *change, bool dry_run, uint64_t letters);
