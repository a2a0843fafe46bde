/* SPDX-License-Identifier: MIT */
/*
 * The letter filter: which records may have dead letters. Nearly all records have none, and the
 * delivery of their events then needs no write that marks letters as stale. A Bloom filter: the
 * answer yes may be wrong, and the filter forgets nothing until the next start. Safe to use from
 * any thread.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "base/table.h"

enum { LETTER_FILTER_BITS = 1 << 21 };

struct letter_filter {
    struct table seed;  /* of the hash */
    atomic_bool loaded; /* false: some letter may be missing, so every record may have letters */
    _Atomic uint64_t words[LETTER_FILTER_BITS / 64];
};

/* filter must be all zero. 0 or an -errno. */
int letter_filter_init(struct letter_filter *filter);

/* loaded: every letter in the store has been added. Not loaded: one may be missing again. */
void letter_filter_set_loaded(struct letter_filter *filter, bool loaded);

bool letter_filter_is_loaded(const struct letter_filter *filter);

/* The record has a letter. Nothing where record is SPAN_NULL. */
void letter_filter_add(struct letter_filter *filter, struct span model, struct span record);

/* Whether the record may have letters; false is certain. */
bool letter_filter_may_have(const struct letter_filter *filter, struct span model,
                            struct span record);
