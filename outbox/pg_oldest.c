/* SPDX-License-Identifier: MIT */
/*
 * The oldest event that waits.
 *
 * No index leads to it; but events of a stream stand in line, so that the first ones tell. What
 * stands in front of them in the index was deleted, and is passed over again with each reading
 * until VACUUM comes: so each stream remembers where its first event was.
 */
#include "outbox/pg_oldest.h"

#include "base/clock.h"
#include "outbox/pg_ask.h"
#include "outbox/pg_stream.h"

enum { OLDEST_READINGS = 20 }; /* in a second */

static int oldest_take(struct pg_core *self, const PGresult *result, void *ctx)
{
    int64_t oldest_ms = 0;

    (void)ctx;
    for (int i = 0; i < PQntuples(result); i++) {
        int64_t since_ms = pg_core_number(result, i, 0);
        if (since_ms && (!oldest_ms || since_ms < oldest_ms))
            oldest_ms = since_ms;
        if (!self->opened) /* what a transaction has deleted may come back */
            pg_stream_begins(self, pg_core_number(result, i, 2), pg_core_number(result, i, 1));
    }
    self->oldest.ms = oldest_ms;
    return 0;
}

static int oldest_ask(struct pg_core *self)
{
    struct pg_array streams[2] = {{.type = PG_INT8}, {.type = PG_INT8}};
    struct pg_value values[2] = {PG_BYTES(SPAN_NULL), PG_BYTES(SPAN_NULL)};
    int r = pg_stream_list(self, streams);

    for (size_t i = 0; i < array_len(values) && !r; i++)
        r = pg_array_parameter(&streams[i], &values[i].bytes);
    if (!r)
        r = pg_ask_reading(self, PG_OLDEST, values, 2, oldest_take, NULL);
    for (size_t i = 0; i < array_len(values); i++)
        pg_array_done(&streams[i]);
    return r;
}

/* Whether it may be read once more in this second. */
static bool oldest_may_be_read(struct pg_core *self)
{
    int64_t now_ms = clock_mono_ms(&clock_system);

    if (self->oldest.readings >= OLDEST_READINGS && now_ms - self->oldest.since_ms >= 1000)
        self->oldest.readings = 0;
    if (self->oldest.readings == 0)
        self->oldest.since_ms = now_ms;
    return self->oldest.readings++ < OLDEST_READINGS;
}

int pg_oldest_read(struct pg_core *self, uint64_t pending)
{
    if (!self->settings.serves) { /* others append, and join, meanwhile */
        int r = self->begun ? 0 : pg_stream_load(self);
        return r ? r : oldest_ask(self);
    }
    if (pending == 0) {
        self->oldest.ms = 0;
        self->oldest.owed = false;
        return 0;
    }
    if (self->oldest.known)
        return 0;
    self->oldest.owed = !oldest_may_be_read(self);
    if (self->oldest.owed)
        return 0;
    int r = oldest_ask(self);
    self->oldest.known = !r && !self->opened;
    return r;
}
