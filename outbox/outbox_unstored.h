/* SPDX-License-Identifier: MIT */
/*
 * Events that were delivered before they could be stored, by model. The loop counts them; the
 * outbox's thread has the store count them, too, with whatever it commits next. What has "the lock"
 * is done under one that both take.
 */
#pragma once

#include <stdint.h>

#include "outbox/store.h"

/* Each number is a sum since the start, behind the one before it. */
struct outbox_unstored_model {
    struct outbox_unstored_model *next;
    struct span model;       /* ours; SPAN_NULL: events that named none */
    uint64_t seen;           /* the loop's own */
    uint64_t told;           /* under the lock */
    uint64_t taken, written; /* the thread's own */
    uint64_t shown;          /* under the lock: in the tallies that the loop can see */
};

struct outbox_unstored {
    struct outbox_unstored_model *_Atomic first; /* they stay until the end */
};

void outbox_unstored_done(struct outbox_unstored *unstored);

/* On the loop. 0, or -ENOMEM and it does not count. */
int outbox_unstored_add(struct outbox_unstored *unstored, struct span model);
void outbox_unstored_tell(struct outbox_unstored *unstored); /* the lock */

/* In the thread. What is taken is written in a transaction, which then goes through: whether there
 * is any; 0 or a failure of the store's; and that it did. */
bool outbox_unstored_take(struct outbox_unstored *unstored); /* the lock */
int outbox_unstored_write(struct outbox_unstored *unstored, struct store *store);
void outbox_unstored_written(struct outbox_unstored *unstored);
void outbox_unstored_show(struct outbox_unstored *unstored); /* the lock */
