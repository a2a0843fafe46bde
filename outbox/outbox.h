/* SPDX-License-Identifier: MIT */
/*
 * The store in a thread of its own, as the loop sees it.
 *
 * Operations are submitted on the loop and done on the loop. The writer takes all that wait,
 * commits once, and reports back: the more there is to do, the less each costs. They take effect
 * in the order of their submission. While the store fails, each is answered with the failure; the
 * writer goes on trying with the next ones, and so finds out by itself when the store is well
 * again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "outbox/outbox_job.h"
#include "outbox/outbox_tallies.h"

struct outbox;

/* Takes the store over, which the writer closes in the end. On failure it stays the caller's. 0,
 * STORE_BROKEN, or an -errno. */
int outbox_new(struct loop *loop, struct store *store, struct outbox **outbox);

/*
 * Waits until everything submitted has been tried, without calling done, and closes the store.
 * Takes NULL.
 */
struct outbox *outbox_free(struct outbox *outbox);
CLEANUP_POINTER(struct outbox, outbox_free);

/* The next event's id, also that of a forced offer: rising, never given before, also over restarts;
 * see outbox_ids.h. */
uint64_t outbox_next_id(struct outbox *outbox);

/* The last one that was given so far, by whomever. */
uint64_t outbox_last_id(const struct outbox *outbox);

void outbox_submit(struct outbox *outbox, struct outbox_op *op);

/* Of an append. True: it never happened, and done is not called. False: the writer has taken it; or
 * without it nothing on disk would keep its id from being given again. */
bool outbox_withdraw(struct outbox *outbox, struct outbox_op *op);

void outbox_submit_read(struct outbox *outbox, struct outbox_read *read);
void outbox_submit_walk(struct outbox *outbox, struct outbox_walk *walk);
void outbox_submit_naming(struct outbox *outbox, struct outbox_naming *naming);

/* Whether some event of the record may be dead; now and then true where none is. */
bool outbox_may_have_letters(const struct outbox *outbox, struct span model, struct span record);

/*
 * The same as OUTBOX_DELIVERED with unstored, as soon as the store takes it. Needs no answer, and
 * costs a write only where there may be such letters. 0; or -ENOMEM, and nothing happened.
 */
int outbox_delivered_unstored(struct outbox *outbox, uint64_t id, struct span model,
                              struct span record);

/* Of such marks of letters, how many are not on disk yet. While there are any, nothing is to be
 * taken that may be one of those letters. */
unsigned outbox_stale_marks_owed(const struct outbox *outbox);

void outbox_status(struct outbox *outbox, struct outbox_status *status);

/* fn runs on the loop when there may be offers that were not there before: at the start, and after
 * whatever another process changes, which is looked at once a second. */
void outbox_on_offers(struct outbox *outbox, void (*fn)(void *ctx), void *ctx);

/* Counts of each model that was named, and of all others together: of one moment, as of the last
 * commit, with what outbox_delivered_unstored() was told since. To be freed by
 * outbox_tallies_done(). 0, or -ENOMEM. */
int outbox_tallies(const struct outbox *outbox, struct outbox_tallies *tallies);
