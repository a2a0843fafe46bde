/* SPDX-License-Identifier: MIT */
/* Letters and offers. Each call is a statement, and its answer what the row was like then. */
#include "outbox/pg_offer.h"

#include <errno.h>

#include "base/error.h"
#include "outbox/pg_ask.h"
#include "outbox/pg_stream.h"

/* ---- Letters ---- */

struct offer_letter {
    bool found, stale;
    int64_t state;
};

static int offer_take_letter(struct pg_core *self, const PGresult *result, void *ctx)
{
    struct offer_letter *letter = ctx;

    (void)self;
    letter->found = PQntuples(result) > 0;
    if (letter->found) {
        letter->state = pg_core_number(result, 0, 0);
        letter->stale = pg_core_number(result, 0, 1) != 0;
    }
    return 0;
}

int pg_offer_offer(struct store *store, uint64_t id, bool force)
{
    struct pg_core *self = pg_core_of(store);
    struct offer_letter letter = {false};
    struct pg_told told = {0};
    int r = pg_ask_begin(self);

    if (!r)
        r = pg_stage_queue(self, false);
    if (!r)
        r = pg_core_spoil(
            self, PG_QUEUE(self, PG_LOCK_LETTER, offer_take_letter, &letter, PG_NUMBER(id)));
    if (!r)
        r = PG_ASK(self, PG_OFFER, pg_stage_take_sums, &told, PG_NUMBER(self->member),
                   PG_NUMBER(self->cycle), PG_NUMBER(id),
                   PG_NUMBER(force ? STORE_FORCED : STORE_OFFERED));
    if (r || told.rows > 0)
        return r;
    return letter.found && letter.state == STORE_DEAD && letter.stale ? STORE_STALE : STORE_MISSING;
}

int pg_offer_discard(struct store *store, uint64_t id)
{
    struct pg_core *self = pg_core_of(store);
    struct pg_told told = {0};
    int r = pg_ask_begin(self);

    if (!r)
        r = PG_ASK(self, PG_DISCARD, pg_stage_take_sums, &told, PG_NUMBER(self->member),
                   PG_NUMBER(self->cycle), PG_NUMBER(id));
    return r || told.rows > 0 ? r : STORE_MISSING;
}

/* ---- Offers ---- */

/* As pg_stage_take_sums(). Of a letter that has just been offered the tallies may not know yet:
 * what others have changed is read once a second. */
static int offer_take_sums(struct pg_core *self, const PGresult *result, void *ctx)
{
    self->outdated |= PQntuples(result) > 0;
    return pg_stage_take_sums(self, result, ctx);
}

int pg_offer_take(struct store *store, uint64_t id, uint64_t *new_id, int64_t since_ms)
{
    struct pg_core *self = pg_core_of(store);
    struct pg_told told = {0};
    uint64_t wanted = *new_id == id ? 0 : *new_id; /* 0: PostgreSQL gives one */
    int r = pg_ask_begin(self);

    if (!r)
        r = PG_ASK(self, PG_TAKE, offer_take_sums, &told, PG_NUMBER(self->member),
                   PG_NUMBER(self->cycle), PG_NUMBER(id), PG_NUMBER(wanted), PG_NUMBER(since_ms));
    if (r)
        return r;
    if (told.rows == 0)
        return STORE_MISSING;
    if (told.number < 0)
        return STORE_STALE;
    pg_stream_own(self, told.number);
    self->oldest.known = false;
    *new_id = (uint64_t)told.number;
    return 0;
}

int pg_offer_refuse(struct store *store, uint64_t id, struct span why)
{
    struct pg_core *self = pg_core_of(store);
    struct pg_told told = {0};
    int r = pg_ask_begin(self);

    if (!r)
        r = PG_ASK(self, PG_REFUSE, offer_take_sums, &told, PG_NUMBER(self->member),
                   PG_NUMBER(self->cycle), PG_NUMBER(id), PG_BYTES(why));
    return r || told.rows > 0 ? r : STORE_MISSING;
}

int pg_offer_refuse_model(struct store *store, struct span model, struct span why,
                          uint64_t rows_max, uint64_t *refused)
{
    struct pg_core *self = pg_core_of(store);
    struct pg_told told = {0};
    int r = pg_ask_begin(self);

    if (!r)
        r = PG_ASK(self, PG_REFUSE_MODEL, offer_take_sums, &told, PG_NUMBER(self->member),
                   PG_NUMBER(self->cycle), PG_BYTES(model), PG_BYTES(why), PG_NUMBER(rows_max));
    if (!r)
        *refused = (uint64_t)told.number;
    return r;
}

static int offer_take_model(struct pg_core *self, const PGresult *result, void *ctx)
{
    (void)self;
    if (PQntuples(result) == 0)
        return STORE_MISSING;
    return buf_append_span(ctx, pg_core_bytes(result, 0, 0));
}

int pg_offer_next_model(struct store *store, struct span after, struct buf *model)
{
    const struct pg_value values[] = {PG_BYTES(after)};
    struct pg_core *self = pg_core_of(store);

    return pg_ask_reading(self, PG_NEXT_OFFERED, values, 1, offer_take_model, model);
}
