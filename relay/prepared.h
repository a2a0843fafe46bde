/* SPDX-License-Identifier: MIT */
/* Prepared rows: a body may be megabytes, so the outbox's thread parses it, not the loop. */
#pragma once

#include <stdbool.h>

#include "base/event.h"

struct delivery;
struct outbox_row;

struct prepared {
    struct event event; /* owns the row's body */
    bool spoilt;        /* the disk must have damaged the body, which cannot be parsed */
    struct buf why;     /* if spoilt: what is wrong with the body */
};

/* Parses the body of a row of a page, or of an offer: an outbox_prepare_fn. Sets row->prepared,
 * which owns the row's body from then on. 0 or -ENOMEM. */
int prepared_read(struct outbox_row *row);

/* Moves event, attempts and request id from the row to the delivery, whose row is STORED. */
void prepared_move(struct outbox_row *row, struct delivery *delivery);
