/* SPDX-License-Identifier: MIT */
/*
 * Tending: the ledger is folded into the totals, the beat says that this member lives, and the
 * sequence of ids is moved up to the clock where it lags. Rows that may be damaged are looked at.
 */
#include "outbox/pg_tend.h"

#include "outbox/pg_connect.h"
#include "outbox/pg_fence.h"
#include "outbox/pg_mend.h"
#include "outbox/pg_run.h"
#include "outbox/pg_transact.h"

enum { TEND_LAG = 100 * 1000 }; /* numbers by which ids may be behind the clock: 102 s */

static int tend_take_folded(struct pg_core *self, const PGresult *result, void *ctx)
{
    (void)self;
    *(uint64_t *)ctx = (uint64_t)pg_core_number(result, 0, 0);
    return 0;
}

/* What is folded was counted before, so no count changes. */
static int tend_queue(struct pg_core *self, int64_t upto, uint64_t *folded)
{
    int r = pg_fence_queue(self, false);

    if (!r)
        r = PG_QUEUE(self, PG_FOLD, tend_take_folded, folded, PG_NUMBER(self->member),
                     PG_NUMBER(upto), PG_NUMBER(self->cleared));
    if (!r)
        r = PG_QUEUE(self, PG_BEAT, NULL, NULL, PG_NUMBER(self->member));
    if (!r)
        r = PG_QUEUE(self, PG_RAISE, NULL, NULL, PG_NUMBER(TEND_LAG), PG_NUMBER(0));
    return r;
}

int pg_tend(struct store *store, bool *mended)
{
    struct pg_core *self = pg_core_of(store);
    int64_t upto = self->committed; /* not the row of the transaction at hand */
    uint64_t folded = 0;

    if (mended)
        *mended = false;
    if (!self->settings.serves)
        return 0;
    int r = pg_transact_begin(store);
    if (!r)
        r = pg_core_spoil(self, tend_queue(self, upto, &folded));
    r = r == STORE_AWAY && !self->begun ? r : store_end(store, r);
    if (!r) {
        self->others_gone += folded;
        self->cleared = upto;
    }
    if (r == STORE_AWAY) /* of other failures, whoever changes something next learns */
        return r;
    r = pg_mend_suspects(self);
    if (mended)
        *mended = self->mended;
    return r;
}
