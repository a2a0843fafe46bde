/* SPDX-License-Identifier: MIT */
/* Tallies: the counts of each named model, and of all others together, as of one moment. */
#pragma once

#include "outbox/store.h"

struct outbox_tally {
    char *model; /* NULL: all others; that tally comes first */
    struct store_tally counts;
};

struct outbox_tallies {
    struct outbox_tally *at;
    size_t len;
};

void outbox_tallies_done(struct outbox_tallies *tallies);

/* Reads the tallies from the store, and *counts with their sums. 0; or a failure of the store's or
 * -ENOMEM, and the tallies are a mixture. */
int outbox_tallies_read(struct outbox_tallies *tallies, struct store *store,
                        struct store_counts *counts);

/* Copies the tallies; *copy is to be freed by outbox_tallies_done(). 0 or -ENOMEM. */
int outbox_tallies_copy(const struct outbox_tallies *tallies, struct outbox_tallies *copy);

/* Counts more events of the model as accepted and delivered; of all others, if model has no
 * tally. */
void outbox_tallies_add(struct outbox_tallies *tallies, struct span model, uint64_t delivered);
