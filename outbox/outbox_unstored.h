/* SPDX-License-Identifier: MIT */
/*
 * Unstored events: events that were delivered before they could be stored, counted by model. The
 * loop counts such an event here, and the writer has the store count it with the next commit.
 * Fields and functions marked "the lock" want the writer's mutex.
 */
#pragma once

#include <stdint.h>

#include "outbox/store.h"

/* Each number is how many events of the model there were since the start; each lags behind the one
 * before it. */
struct outbox_unstored_model {
    struct outbox_unstored_model *next;
    struct span model; /* a copy; SPAN_NULL: events that named no model */
    uint64_t seen;     /* counted by the loop; the loop's own */
    uint64_t told;     /* passed on to the writer; the lock */
    uint64_t taken;    /* in the transaction at hand; the writer's own */
    uint64_t written;  /* committed; the writer's own */
    uint64_t shown;    /* in the tallies that the loop can see; the lock */
};

struct outbox_unstored {
    struct outbox_unstored_model *_Atomic first; /* models are only ever added, until the end */
};

void outbox_unstored_done(struct outbox_unstored *unstored);

/* On the loop: one more event. 0; or -ENOMEM, and the event does not count. */
int outbox_unstored_add(struct outbox_unstored *unstored, struct span model);

/* On the loop: the writer may take what was seen so far. The lock. */
void outbox_unstored_tell(struct outbox_unstored *unstored);

/* In the writer: takes what was told. Whether some of that is not written yet. The lock. */
bool outbox_unstored_take(struct outbox_unstored *unstored);

/* In a transaction: has the store count what was taken. 0, or a failure of the store's. */
int outbox_unstored_write(struct outbox_unstored *unstored, struct store *store);

/* That transaction was committed. */
void outbox_unstored_written(struct outbox_unstored *unstored);

/* The tallies that the loop can see contain what was written. The lock. */
void outbox_unstored_show(struct outbox_unstored *unstored);
