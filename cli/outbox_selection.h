/* SPDX-License-Identifier: MIT */
/* Which dead letters somebody means who names none. */
#pragma once

#include "outbox/store.h"

/* A letter has to meet all of it. */
struct outbox_selection {
    struct span model;  /* at NULL: any */
    struct span reason; /* a part of it, as it is written; at NULL: any */
    int64_t before_ms;  /* of the death; INT64_MAX: any */
};

#define OUTBOX_SELECTION_ANY ((struct outbox_selection){.before_ms = INT64_MAX})

bool outbox_selection_holds(const struct outbox_selection *selection, const struct store_row *row);
