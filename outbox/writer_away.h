/* SPDX-License-Identifier: MIT */
/* How the writer gets a store back that is away. */
#pragma once

#include "outbox/writer_state.h"

struct writer_away {
    int tries; /* how often the store was asked since it went */
};

/* How long to wait before the store is asked again: not at all at first, then 50 ms, doubled each
 * time up to 500 ms, with jitter. */
int64_t writer_away_pause_ms(const struct writer_away *away);

/* Asks the store. True: it is back, and *committed says what became of its last transaction. */
bool writer_away_ask(struct writer_away *away, struct writer_state *state, bool *committed);
