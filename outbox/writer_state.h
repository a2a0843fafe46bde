/* SPDX-License-Identifier: MIT */
/* What the writer knows of the store, and reports to the loop. Only the writer's thread uses it. */
#pragma once

#include "outbox/letter_filter.h"
#include "outbox/outbox_job.h"
#include "outbox/outbox_tallies.h"
#include "outbox/outbox_unstored.h"

enum { WRITER_ENOUGH = 1000 }; /* what a store_row_fn ends a reading with; no outcome of stores */

struct writer_state {
    struct store *store;
    struct letter_filter *filter;
    struct outbox_unstored *unstored;
    bool uncounted;                /* some unstored events are not in the store's counts yet */
    struct outbox_status now;      /* the present status; the loop sees it after writer_show() */
    struct outbox_tallies tallies; /* as read last; memory for the next reading, once shown */
    bool tallied;                  /* tallies is newer than what the loop can see */
    bool news;                     /* there may be offers that the loop does not know of */
    bool renews;                   /* away, but for no outage: struct store */
    int64_t unreadable_at_ms;      /* mono; when a reading failed last */
    uint64_t last_id;              /* the last id that the loop has told of; 0: none yet */
    uint64_t mark;                 /* the stored mark: the store's id_mark() (outbox_ids.h) */
};

/* Notes the outcome of any call of the store's, and returns it: whether the store is away. Where it
 * only renews its connection, that is an outage from the next STORE_AWAY on. */
int writer_state_note_away(struct writer_state *state, int r);

/* Notes the outcome of a reading, and returns it. A failure makes the status unreadable. */
int writer_state_note_reading(struct writer_state *state, int r);

/* As read() of struct store_ops, one state after the other. An index gives the rows of one state in
 * order; those of several would be sorted in memory. */
int writer_state_read_rows(struct writer_state *state, struct store_filter filter, store_row_fn fn,
                           void *ctx);

/* Notes the outcome of a transaction of changes, which is not STORE_AWAY. appended: the transaction
 * stored a new event, so there is room. */
void writer_state_note_change(struct writer_state *state, int r, bool appended);

/* Reads the counts and tallies anew. */
void writer_state_read_counts(struct writer_state *state);

/* Reads anew whether there are offers. */
void writer_state_find_offers(struct writer_state *state);

/* Loads the letter filter. As long as that fails, every record may have letters, as all may in a
 * journal: other relays make letters, too. */
void writer_state_load_filter(struct writer_state *state);

/* Reads mark, counts and whether there are offers: at the start, or once a store that was away then
 * is there. 0, or a failure of the store's. */
int writer_state_load(struct writer_state *state);

/* Once a second: tends the store, notices changes by other processes, and tries whether a store
 * that fails is well again. */
void writer_state_tick(struct writer_state *state);

/* At a clean end: sets the mark to the last id that was given, so that the next start goes on
 * there. */
void writer_state_leave(struct writer_state *state);
