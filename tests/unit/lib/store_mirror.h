/* SPDX-License-Identifier: MIT */
/* A store as it should be, in memory: what a real one is compared with. */
#pragma once

#include "tests/unit/lib/store_world.h"

enum { MIRROR_ROWS = 96, MIRROR_MODELS = 3, MIRROR_RECORDS = 7, MIRROR_BODY_MAX = 20000 };

/* Counts of a model that was named, or of all others. */
struct mirror_sums {
    bool named;
    uint64_t delivered, discarded;
    uint64_t pending, dead; /* which follow from the rows */
};

struct mirror {
    struct store_row rows[MIRROR_ROWS]; /* by rising id; their texts are constants */
    size_t len;
    struct mirror_sums sums[MIRROR_MODELS + 1]; /* by model, and in the end of all others */
    int64_t oldest_ms;
    uint64_t last_id;
};

/* Texts that outlive every row. The prefix says of what: a model, a record, or a reason. */
struct span mirror_text(const char *prefix, uint64_t n);

/* The reason of a letter once its replay was refused. reason: the one before; may be SPAN_NULL. */
struct span mirror_refused(struct span reason, struct span why);
/* Bodies of many lengths: some fit a page, some need others. */
struct span mirror_body(uint64_t n);

/* The row of that id; NULL: there is none. */
struct store_row *mirror_find(struct mirror *mirror, uint64_t id);
/* Puts a row into its place by id. */
void mirror_insert(struct mirror *mirror, struct store_row row);
void mirror_remove(struct mirror *mirror, struct store_row *row);
/* Older letters and offers of the record are stale from now on. */
void mirror_overtake(struct mirror *mirror, uint64_t id, struct span model, struct span record);
/* The sums in which events of the model count: its own, or the common ones. */
struct mirror_sums *mirror_sums_of(struct mirror *mirror, struct span model);

/* Whether the store holds just what the mirror does. */
bool mirror_is(struct mirror *mirror, struct store *store);
