/* SPDX-License-Identifier: MIT */
/* What the outbox's thread knows of the store, and tells the loop. The thread's own. */
#pragma once

#include "outbox/letter_filter.h"
#include "outbox/outbox_job.h"
#include "outbox/outbox_tallies.h"
#include "outbox/outbox_unstored.h"

enum { WRITER_ENOUGH = 1000 }; /* ends a reading; no outcome of the store's */

struct writer_state {
    struct store *store;
    struct letter_filter *filter;
    struct outbox_unstored *unstored;
    bool uncounted; /* some of those are not written yet */
    struct outbox_status now;
    struct outbox_tallies tallies;
    bool tallied;      /* they are newer than those that the loop has */
    bool news;         /* there may be offers that the loop was not told of */
    int64_t unread_ms; /* when something could not be read last */
    uint64_t last_id;  /* that the loop has given, as far as it has told; 0: none yet */
    uint64_t mark;     /* which is on disk: no id above it was given before */
};

/* What a reading has come to, handed through. One that fails is a store that fails. */
int writer_state_read(struct writer_state *state, int r);

/* Reads a state of rows at a time, which its index gives in order: several would be sorted in
 * memory. As struct store_ops. */
int writer_state_read_rows(struct writer_state *state, struct store_filter filter, store_row_fn fn,
                           void *ctx);

/* How a change has ended. appended: it took room for a new event. */
void writer_state_ended(struct writer_state *state, int r, bool appended);

/* Bring the status up to date: the counts, and whether there are offers. */
void writer_state_count(struct writer_state *state);
void writer_state_find_offers(struct writer_state *state);

/* Lets the filter know whose letters there are. While it cannot, any record may have some. */
void writer_state_load_filter(struct writer_state *state);

/* What there is at the start. 0, or a failure of the store's. */
int writer_state_load(struct writer_state *state);

/* Once a second: has the store tended to, notices what others did, and tries whether a failing one
 * is well again. */
void writer_state_tick(struct writer_state *state);

/* At the end: the mark is exactly what was given. */
void writer_state_leave(struct writer_state *state);
