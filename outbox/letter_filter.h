/* SPDX-License-Identifier: MIT */
/*
 * Which records may have dead letters: a Bloom filter, so that the delivery of an event whose
 * record has none, as nearly all do, costs no write. It forgets nothing until the next start.
 * Safe to use from any thread.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "base/table.h"

enum { LETTER_FILTER_BITS = 1 << 21 };

struct letter_filter {
    struct table seed;  /* for its hash */
    atomic_bool loaded; /* until then, any record may */
    _Atomic uint64_t words[LETTER_FILTER_BITS / 64];
};

/* All zero before. 0 or an -errno. */
int letter_filter_init(struct letter_filter *filter);

/* Everything that there was has been added; or something was not, and any record may have letters
 * again. */
void letter_filter_set_loaded(struct letter_filter *filter, bool loaded);

bool letter_filter_is_loaded(const struct letter_filter *filter);

/* An event without a record (SPAN_NULL) is nobody's letter. */
void letter_filter_add(struct letter_filter *filter, struct span model, struct span record);
bool letter_filter_may_have(const struct letter_filter *filter, struct span model,
                            struct span record);
