/* SPDX-License-Identifier: MIT */
#include "outbox/pg_ask.h"

#include "outbox/pg_fence.h"

int pg_ask_begin(struct pg_core *self)
{
    int r = pg_core_admit(self);

    return r ? r : pg_core_spoil(self, pg_fence_queue(self, false));
}

int pg_ask_flush(struct pg_core *self)
{
    int r = pg_core_admit(self);

    if (!r)
        r = pg_stage_queue(self, false);
    return r ? r : pg_core_spoil(self, pg_run_end(self));
}

int pg_ask(struct pg_core *self, enum pg_statement which, const struct pg_value *values, size_t len,
           pg_result_fn fn, void *ctx)
{
    int r = pg_core_admit(self);

    if (!r)
        r = pg_stage_queue(self, false);
    if (!r)
        r = pg_run_queue(self, which, values, len, fn, ctx);
    return r ? pg_core_spoil(self, r) : pg_core_spoil(self, pg_run_end(self));
}

int pg_ask_reading(struct pg_core *self, enum pg_statement which, const struct pg_value *values,
                   size_t len, pg_result_fn fn, void *ctx)
{
    if (self->begun && (self->opened || pg_stage_any(self)))
        return pg_ask(self, which, values, len, fn, ctx);
    if (self->begun && self->spoilt)
        return self->spoilt;
    int r = pg_run_queue(self, which, values, len, fn, ctx);
    return r ? r : pg_run_end(self);
}
