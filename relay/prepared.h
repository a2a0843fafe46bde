/* SPDX-License-Identifier: MIT */
/* Prepared rows: a body may be megabytes, so the outbox's thread parses it, not the loop. */
#pragma once

#include <stdbool.h>

#include "base/event.h"

struct delivery;
struct outbox_row;

struct prepared {
    struct event event; /* owns the row's body */
    bool refused;       /* the body cannot be parsed, which the disk must have spoilt */
    struct buf why;     /* if refused: what is wrong with it */
};

/* The outbox_prepare_fn of pages and offers: sets row->prepared, which takes the row's body. 0 or
 * -ENOMEM. */
int prepared_read(struct outbox_row *row);

/* Gives the delivery what the row has: event, attempts, request id. Its row counts as STORED. */
void prepared_move(struct outbox_row *row, struct delivery *delivery);
