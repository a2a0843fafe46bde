/* SPDX-License-Identifier: MIT */
/* The counts of each model that was named, and of all others together: of one moment. */
#pragma once

#include "outbox/store.h"

struct outbox_tally {
    char *model; /* NULL: all others, which come first */
    struct store_tally counts;
};

struct outbox_tallies {
    struct outbox_tally *at;
    size_t len;
};

void outbox_tallies_done(struct outbox_tallies *tallies);

/* Brings them up to date, and counts with them. 0, or a failure of the store's, or -ENOMEM: then
 * they are of no moment. */
int outbox_tallies_read(struct outbox_tallies *tallies, struct store *store,
                        struct store_counts *counts);

/* *copy is to be freed. 0 or -ENOMEM. */
int outbox_tallies_copy(const struct outbox_tallies *tallies, struct outbox_tallies *copy);

/* So many more were accepted and delivered of a model, or of all others. */
void outbox_tallies_add(struct outbox_tallies *tallies, struct span model, uint64_t delivered);
