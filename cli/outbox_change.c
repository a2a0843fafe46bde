/* SPDX-License-Identifier: MIT */
/*
 * Changes of dead letters: replay and discard.
 *
 * A batch is one transaction. Outcomes may be printed only after the commit: if the commit fails,
 * none of them is true.
 */
#include "cli/outbox_change.h"

/* ---- Kinds ---- */

static int change_replay(struct store *store, uint64_t id, bool force)
{
    return store->ops->offer(store, id, force);
}

static int change_discard(struct store *store, uint64_t id, bool force)
{
    (void)force;
    return store->ops->discard(store, id);
}

const struct outbox_change outbox_change_replay = {
    .make = change_replay,
    .spares_stale = true,
    .one_is = "will be sent again",
    .many_are = "will be sent again",
    .would_be = "would be sent again",
};

const struct outbox_change outbox_change_discard = {
    .make = change_discard,
    .one_is = "is discarded",
    .many_are = "are discarded",
    .would_be = "would be discarded",
};

const char *outbox_change_says(const struct outbox_change *change, bool dry_run, uint64_t letters)
{
    if (dry_run)
        return change->would_be;
    return letters == 1 ? change->one_is : change->many_are;
}

/* ---- Foreseen ---- */

enum outbox_change_outcome outbox_change_foresee(const struct outbox_change *change,
                                                 const struct store_row *row, bool force)
{
    if (row->state == STORE_PENDING)
        return OUTBOX_CHANGE_PENDING;
    if (row->state != STORE_DEAD)
        return OUTBOX_CHANGE_REPLAYED;
    return row->stale && change->spares_stale && !force ? OUTBOX_CHANGE_STALE : OUTBOX_CHANGE_MADE;
}

struct change_search {
    const struct outbox_change *change;
    bool force;
    uint64_t id;
    enum outbox_change_outcome outcome;
};

static int change_found(void *ctx, const struct store_row *row)
{
    struct change_search *search = ctx;

    if (row->id == search->id)
        search->outcome = outbox_change_foresee(search->change, row, search->force);
    return 0;
}

static int change_search(const struct outbox_change *change, struct store *store, bool force,
                         uint64_t id, enum outbox_change_outcome *outcome)
{
    struct change_search search = {change, force, id, OUTBOX_CHANGE_UNKNOWN};
    /* The first row from that id on, which may be another event's. */
    struct store_filter filter = {
        .first = STORE_PENDING,
        .last = STORE_FORCED,
        .after = id - 1,
        .rows_max = 1,
        .bare = true,
    };
    int r = store->ops->read(store, &filter, change_found, &search);

    if (!r)
        *outcome = search.outcome;
    return r;
}

/* ---- Made ---- */

static int change_make(const struct outbox_change *change, struct store *store, bool force,
                       uint64_t id, enum outbox_change_outcome *outcome)
{
    int r = change->make(store, id, force);

    if (r == STORE_MISSING) /* no dead letter has that id: the row itself says why */
        return change_search(change, store, force, id, outcome);
    if (r && r != STORE_STALE)
        return r;
    *outcome = r == STORE_STALE ? OUTBOX_CHANGE_STALE : OUTBOX_CHANGE_MADE;
    return 0;
}

/* Makes the changes of a batch in one transaction, which an error undoes. */
static int change_commit(const struct outbox_change *change, struct store *store, bool force,
                         struct outbox_change_batch *batch)
{
    int r = store->ops->begin(store);

    if (r)
        return r;
    for (size_t i = 0; !r && i < batch->len; i++)
        r = change_make(change, store, force, batch->ids[i], &batch->outcomes[i]);
    return store_end(store, r);
}

int outbox_change_run(const struct outbox_change *change, struct store *store,
                      const struct outbox_request *request, struct outbox_change_batch *batch)
{
    int r = 0;

    if (!request->dry_run)
        return change_commit(change, store, request->force, batch);
    for (size_t i = 0; !r && i < batch->len; i++)
        r = change_search(change, store, request->force, batch->ids[i], &batch->outcomes[i]);
    return r;
}
