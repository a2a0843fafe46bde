/* SPDX-License-Identifier: MIT */
/* Changes of dead letters: replay and discard, many in one transaction. */
#pragma once

#include "cli/outbox_request.h"

enum { OUTBOX_CHANGE_BATCH = 1000 }; /* letters; a running relay waits for the transaction */

enum outbox_change_outcome {
    OUTBOX_CHANGE_MADE,
    OUTBOX_CHANGE_STALE,
    OUTBOX_CHANGE_UNKNOWN,
    OUTBOX_CHANGE_PENDING,
    OUTBOX_CHANGE_REPLAYED, /* the letter waits to be sent again already */
};

/* A kind of change: how the store makes the change, and what is said about a letter then. */
struct outbox_change {
    int (*make)(struct store *store, uint64_t id, bool force);
    bool spares_stale; /* stale letters stay as they are, unless the change is forced */
    const char *one_is, *many_are, *would_be;
};

extern const struct outbox_change outbox_change_replay;
extern const struct outbox_change outbox_change_discard;

struct outbox_change_batch {
    size_t len;
    uint64_t ids[OUTBOX_CHANGE_BATCH];
    enum outbox_change_outcome outcomes[OUTBOX_CHANGE_BATCH];
};

/* What the change would do to a row. */
enum outbox_change_outcome outbox_change_foresee(const struct outbox_change *change,
                                                 const struct store_row *row, bool force);

/* Makes the changes of a batch in one transaction and fills in the outcomes. A dry run only fills
 * in what they would be. 0; or what the store's operations return, and nothing has changed. */
int outbox_change_run(const struct outbox_change *change, struct store *store,
                      const struct outbox_request *request, struct outbox_change_batch *batch);

/* What is said behind a number of letters: "is discarded", "are discarded", "would be
 * discarded". */
const char *outbox_change_says(const struct outbox_change *change, bool dry_run, uint64_t letters);
