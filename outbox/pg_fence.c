/* SPDX-License-Identifier: MIT */
/* The fence. A statement of its own: what stands behind it in the transaction has a snapshot that
 * was taken once the fence was passed, and so sees what the fence has waited for. */
#include "outbox/pg_fence.h"

#include "outbox/pg_run.h"

int pg_fence_queue(struct pg_core *self, bool alone)
{
    int r = 0;

    if (self->passing)
        return 0;
    self->passing = true;
    self->cycle++;
    if (!alone) {
        self->opened = true;
        r = pg_run_queue(self, PG_BEGIN, NULL, 0, NULL, NULL);
    }
    if (r)
        return r;
    return PG_QUEUE(self, self->epoch ? PG_FENCE_SENDER : PG_FENCE_MEMBER, NULL, NULL,
                    PG_NUMBER(self->member), PG_NUMBER(self->cycle), PG_NUMBER(self->epoch));
}
