/* SPDX-License-Identifier: MIT */
/* A store that is away. */
#include "outbox/writer_away.h"

#include "base/dice.h"

enum {
    WRITER_AWAY_FIRST_MS = 50,
    WRITER_AWAY_MAX_MS = 500, /* a database that is back is used within a second */
};

int64_t writer_away_pause_ms(const struct writer_away *away)
{
    int64_t pause_ms = WRITER_AWAY_FIRST_MS;

    if (away->tries == 0)
        return 0;
    for (int i = 1; i < away->tries && pause_ms < WRITER_AWAY_MAX_MS; i++)
        pause_ms *= 2;
    if (pause_ms > WRITER_AWAY_MAX_MS)
        pause_ms = WRITER_AWAY_MAX_MS;
    return pause_ms / 2 + (int64_t)dice_roll(&dice_system, (uint64_t)pause_ms / 2 + 1);
}

bool writer_away_ask(struct writer_away *away, struct writer_state *state, bool *committed)
{
    away->tries++;
    int r = state->store->ops->resume(state->store, committed);
    if (r) {
        state->now.taken_over |= r == STORE_BUSY;
        (void)writer_state_note_away(state, STORE_AWAY);
        return false;
    }
    away->tries = 0;
    state->now.away = state->renews = false;
    return true;
}
