/* SPDX-License-Identifier: MIT */
/* Changes of dead letters: replay and discard, many in one transaction. */
#pragma once

#include "cli/outbox_request.h"

/* Letters in one transaction. The limit keeps the wait of a running relay short. */
enum { OUTBOX_CHANGE_BATCH = 1000 };

enum outbox_change_outcome {
    OUTBOX_CHANGE_MADE,     /* the letter was changed, or would be in a dry run */
    OUTBOX_CHANGE_STALE,    /* the letter is stale, and the change is not forced */
    OUTBOX_CHANGE_UNKNOWN,  /* no event has that id */
    OUTBOX_CHANGE_PENDING,  /* the event is no letter: the relay still tries to deliver it */
    OUTBOX_CHANGE_REPLAYED, /* the letter is an offer already */
};

/* A kind of change: how the store makes the change, and what is said about a letter then. */
struct outbox_change {
    int (*make)(struct store *store, uint64_t id, bool force);
    bool spares_stale; /* stale letters stay as they are, unless the change is forced */
    /* What is said behind one letter, behind several, and after a dry run. */
    const char *one_is, *many_are, *would_be;
};

extern const struct outbox_change outbox_change_replay;
extern const struct outbox_change outbox_change_discard;

struct outbox_change_batch {
    size_t len; /* of both arrays */
    uint64_t ids[OUTBOX_CHANGE_BATCH];
    enum outbox_change_outcome outcomes[OUTBOX_CHANGE_BATCH];
};

/* What the change would do to a row. */
enum outbox_change_outcome outbox_change_foresee(const struct outbox_change *change,
                                                 const struct store_row *row, bool force);

/* Makes the changes of a batch in one transaction and fills in the outcomes. A dry run changes
 * nothing, and fills in the outcomes that a real run would have. 0; or what the store's operations
 * return, and nothing has changed. */
int outbox_change_run(const struct outbox_change *change, struct store *store,
                      const struct outbox_request *request, struct outbox_change_batch *batch);

/* What is said behind a number of letters: "is discarded", "are discarded", "would be
 * discarded". */
const char *outbox_change_says(const struct outbox_change *change, bool dry_run, uint64_t letters);
