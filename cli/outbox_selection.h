/* SPDX-License-Identifier: MIT */
/* A selection of dead letters, for a command that names no ids. */
#pragma once

#include "outbox/store.h"

/* A letter must meet all conditions. */
struct outbox_selection {
    struct span model;  /* at NULL: any */
    struct span reason; /* a part of the letter's reason; at NULL: any */
    int64_t before_ms;  /* the letter died before this, ms since 1970; INT64_MAX: at any time */
};

#define OUTBOX_SELECTION_ANY ((struct outbox_selection){.before_ms = INT64_MAX})

/* Whether the selection holds the row. */
bool outbox_selection_holds(const struct outbox_selection *selection, const struct store_row *row);
