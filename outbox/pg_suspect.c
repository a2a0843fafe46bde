/* SPDX-License-Identifier: MIT */
#include "outbox/pg_suspect.h"

void pg_suspect_add(struct pg_core *self, uint64_t id)
{
    struct pg_suspects *suspects = &self->suspects;

    for (size_t i = 0; i < suspects->len; i++)
        if (suspects->ids[i] == id)
            return;
    if (suspects->len < PG_SUSPECTS_MAX)
        suspects->ids[suspects->len++] = id;
}

void pg_suspect_note_failed(struct pg_core *self)
{
    if (self->buries && pg_core_met_damage(self))
        pg_suspect_add(self, self->buries);
}
