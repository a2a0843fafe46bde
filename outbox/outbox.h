/* SPDX-License-Identifier: MIT */
/*
 * The outbox: a store in a thread of its own, seen from the loop.
 *
 * The loop submits jobs, and the loop is called back when they are done. The thread, called the
 * writer, takes all jobs that wait, commits once and reports back: the more there is to do, the
 * less each job costs. Jobs take effect in the order of their submission. While the store fails,
 * each job ends with that failure. The writer tries later jobs all the same, and so notices when
 * the store is well again.
 *
 * A store that is a journal can be away. Jobs then wait until the store is back, and take effect in
 * their order as ever; an append waits until its caller gives it up. A stop ends that: what waits
 * is left undone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "outbox/outbox_job.h"
#include "outbox/outbox_tallies.h"

struct allocator;
struct outbox;

/* Takes over the store, which may be away, and which the writer closes in the end. The allocator is
 * for stale marks, and stays the caller's. 0; or STORE_BROKEN or an -errno, and the store stays the
 * caller's. */
int outbox_new(struct loop *loop, struct store *store, struct allocator *allocator,
               struct outbox **outbox);

/* Waits until every submitted job has been tried, calls no done, and closes the store. Of a store
 * that is away it asks once whether it is back. Takes NULL. */
struct outbox *outbox_free(struct outbox *outbox);
CLEANUP_POINTER(struct outbox, outbox_free);

/* Whether the store is a journal, which gives ids by itself. Reports come in the order of these
 * ids, as all come in the order of submission. */
bool outbox_is_journal(const struct outbox *outbox);

/* The id of the next event, or the new id of a forced offer: rises, and is never given twice, also
 * over restarts (outbox_ids.h). 0 where the store is a journal. */
uint64_t outbox_next_id(struct outbox *outbox);

/* Whether the outbox was there once, so that its counts are known. Otherwise it is a journal that
 * has been away since the start. */
bool outbox_is_known(const struct outbox *outbox);

/* The last id that was given, in this process or an earlier one; nothing to go by while the outbox
 * is not known. */
uint64_t outbox_last_id(const struct outbox *outbox);

/* Whether the id could be given again after a crash that comes before its event's append is
 * committed: the id is past the mark that the last commit has stored. */
bool outbox_is_past_mark(const struct outbox *outbox, uint64_t id);

/* Each of these submits a job. The job, and all that the job points at, must stay in place until
 * done is called. */
void outbox_submit(struct outbox *outbox, struct outbox_op *op);
void outbox_submit_group(struct outbox *outbox, struct outbox_group *group);
void outbox_submit_read(struct outbox *outbox, struct outbox_read *read);
void outbox_submit_walk(struct outbox *outbox, struct outbox_walk *walk);
void outbox_submit_naming(struct outbox *outbox, struct outbox_naming *naming);

/* An empty group, and one more operation at the end. The group must not move. */
void outbox_group_init(struct outbox_group *group);
void outbox_group_add(struct outbox_group *group, struct outbox_op *op);

/* Withdraws an append that is not of a group. True: the append never happened, and done is not
 * called. False: the append goes on, since the writer has taken it, or since no stored mark covers
 * the id yet (outbox_ids.h). */
bool outbox_withdraw(struct outbox *outbox, struct outbox_op *op);

/* Nobody waits for this append of a journal any more, or for this group: done is called at once
 * with STORE_AWAY, unless the writer is at it. In that case done tells later what has become of the
 * append, which is not tried once more. */
void outbox_give_up(struct outbox *outbox, struct outbox_op *op);
void outbox_give_up_group(struct outbox *outbox, struct outbox_group *group);

/* Whether the record may have dead letters; false is certain. */
bool outbox_may_have_letters(const struct outbox *outbox, struct span model, struct span record);

/*
 * The event of that id was delivered and never stored: it counts as accepted and delivered, and
 * older letters and offers of the record become stale. No done is called: the outbox tries until
 * the store has counted the event. Costs a separate write only where the record may have letters.
 * 0; or -ENOMEM, and nothing happened.
 */
int outbox_delivered_unstored(struct outbox *outbox, uint64_t id, struct span model,
                              struct span record);

/* How many stale marks of outbox_delivered_unstored() are not on disk yet. While a mark is owed, no
 * offer may be taken: the mark may be the one that makes that offer stale. */
unsigned outbox_stale_marks_owed(const struct outbox *outbox);

/* Whether the store is away, as of the writer's last report. */
bool outbox_is_away(const struct outbox *outbox);

/* The status as of the writer's last report. */
void outbox_status(struct outbox *outbox, struct outbox_status *status);

/* fn runs on the loop when there may be new offers: at the start, and after a change by another
 * process, for which the writer checks once a second. */
void outbox_on_offers(struct outbox *outbox, void (*fn)(void *ctx), void *ctx);

/* fn runs on the loop, once, when another relay has taken over: what is in memory must not be sent
 * any more. */
void outbox_on_taken_over(struct outbox *outbox, void (*fn)(void *ctx), void *ctx);

/* The counts of each named model, and of all others together, as of one commit, with what
 * outbox_delivered_unstored() was told since. To be freed by outbox_tallies_done(). 0 or -ENOMEM.
 */
int outbox_tallies(const struct outbox *outbox, struct outbox_tallies *tallies);
