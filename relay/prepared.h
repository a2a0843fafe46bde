/* SPDX-License-Identifier: MIT */
/* What a row's body says, read on the outbox's thread, since a body may be megabytes. */
#pragma once

#include <stdbool.h>

#include "base/event.h"

struct delivery;
struct outbox_row;

struct prepared {
    struct event event; /* its body is the row's */
    bool refused;       /* the disk has spoiled it: the event has nothing but the body, */
    struct buf why;     /* and this says what is wrong */
};

/* For prepare() of outbox_read and outbox_op: sets row->prepared, and takes its body. 0 or -ENOMEM.
 */
int prepared_read(struct outbox_row *row);

/* The delivery is what the row says from now on: its event, its request, that it is on disk. */
void prepared_move(struct outbox_row *row, struct delivery *delivery);
