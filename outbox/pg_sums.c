/* SPDX-License-Identifier: MIT */
#include "outbox/pg_sums.h"

void pg_sums_add(struct pg_sums *to, const struct pg_sums *sums)
{
    to->delivered += sums->delivered;
    to->discarded += sums->discarded;
    to->pending += sums->pending;
    to->dead += sums->dead;
    to->buried += sums->buried;
    to->bytes += sums->bytes;
}

struct pg_sums pg_sums_read(const PGresult *result, int row)
{
    return (struct pg_sums){
        .delivered = pg_core_number(result, row, PG_COLUMN_DELIVERED),
        .discarded = pg_core_number(result, row, PG_COLUMN_DISCARDED),
        .pending = pg_core_number(result, row, PG_COLUMN_PENDING),
        .dead = pg_core_number(result, row, PG_COLUMN_DEAD),
        .buried = pg_core_number(result, row, PG_COLUMN_BURIED),
        .bytes = pg_core_number(result, row, PG_COLUMN_BYTES),
    };
}

void pg_sums_change(struct pg_core *self, int64_t number, const struct pg_sums *sums)
{
    self->delivered += sums->delivered;
    for (size_t i = 0; i < self->tallies.len; i++) {
        if (self->tallies.at[i].number != number)
            continue;
        pg_sums_add(&self->tallies.at[i].change, sums);
        return;
    }
    self->outdated = true; /* a model that was named meanwhile */
}

void pg_sums_keep(struct pg_core *self)
{
    for (size_t i = 0; i < self->tallies.len; i++) {
        struct pg_tally *tally = &self->tallies.at[i];
        pg_sums_add(&tally->sums, &tally->change);
        tally->change = (struct pg_sums){0};
    }
}

void pg_sums_forget(struct pg_core *self)
{
    for (size_t i = 0; i < self->tallies.len; i++)
        self->tallies.at[i].change = (struct pg_sums){0};
}

/* ---- The quota ---- */

int64_t pg_sums_bytes(const struct pg_core *self)
{
    int64_t bytes = 0;

    for (size_t i = 0; i < self->tallies.len; i++)
        bytes += self->tallies.at[i].sums.bytes;
    return bytes;
}

bool pg_sums_have_room(const struct pg_core *self, int64_t bytes)
{
    return self->settings.max_bytes == 0 ||
           pg_sums_bytes(self) + self->taken_bytes + bytes <= self->settings.max_bytes;
}

void pg_sums_take_room(struct pg_core *self, int64_t bytes)
{
    self->taken_bytes += bytes;
}
