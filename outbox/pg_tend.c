/* SPDX-License-Identifier: MIT */
/*
 * Tending: the ledger is folded into the totals, the beat says that this member lives, and the
 * sequence of ids is moved up to the clock where it lags.
 */
#include "outbox/pg_tend.h"

#include "outbox/pg_connect.h"
#include "outbox/pg_fence.h"
#include "outbox/pg_run.h"
#include "outbox/pg_transact.h"

static int tend_take_folded(struct pg_core *self, const PGresult *result, void *ctx)
{
    (void)self;
    *(uint64_t *)ctx = (uint64_t)pg_core_number(result, 0, 0);
    return 0;
}

/* What is folded was counted before, so no count changes. */
static int tend_queue(struct pg_core *self, uint64_t *folded)
{
    int64_t upto = self->folded; /* the fence's own row is not committed yet */
    int r = pg_fence_queue(self, false);

    if (!r)
        r = PG_QUEUE(self, PG_FOLD, tend_take_folded, folded, PG_NUMBER(self->member),
                     PG_NUMBER(upto));
    if (!r)
        r = PG_QUEUE(self, PG_BEAT, NULL, NULL, PG_NUMBER(self->member));
    if (!r)
        r = pg_run_queue(self, PG_RAISE, NULL, 0, NULL, NULL);
    return r;
}

int pg_tend(struct store *store, bool *mended)
{
    struct pg_core *self = pg_core_of(store);
    uint64_t folded = 0;

    if (mended)
        *mended = false;
    if (!self->settings.serves)
        return 0;
    int r = pg_transact_begin(store);
    if (!r)
        r = pg_core_spoil(self, tend_queue(self, &folded));
    r = r == STORE_AWAY && !self->begun ? r : store_end(store, r);
    if (!r)
        self->others_gone += folded;
    return r == STORE_AWAY ? r : 0; /* of others, whoever changes something next learns */
}
