/* SPDX-License-Identifier: MIT */
/*
 * A journal around another store: gives ids at the commit, where it also makes the appends, and can
 * be away. A test may call what stands below while another thread is inside a call.
 */
#pragma once

#include <stdatomic.h>

#include "outbox/outbox_ids.h"
#include "outbox/store.h"

enum { JOURNAL_ROWS_MAX = 20000, JOURNAL_BATCH = 1024 };

enum journal_end {
    JOURNAL_GOES,    /* the store is away at once */
    JOURNAL_BREAKS,  /* ... at its next change, in the midst of a transaction */
    JOURNAL_LOSES,   /* ... at its next commit, which does not happen */
    JOURNAL_COMMITS, /* ... at its next commit, which happens all the same */
    JOURNAL_ENDS,
};

struct journal_store {
    struct store store;
    struct store *inner;
    atomic_int end;            /* enum journal_end, while going */
    atomic_bool going;         /* to be away, as end says */
    atomic_bool blinks;        /* the next begin() finds the connection lost, and no other call */
    atomic_bool away;          /* every call says so */
    atomic_bool taken_over;    /* resume() says that another relay sends */
    atomic_int commits_left;   /* that go through before such an end */
    atomic_size_t refused_len; /* a body of that length fails at the commit; 0: none does */
    atomic_int refusal;        /* and with that; 0: STORE_REFUSED */
    atomic_int resumes;        /* calls of resume() */
    atomic_int doubts;         /* commits that were left in doubt */
    bool begun;                /* there is a transaction of the inner store's */
    bool committed;            /* what became of the last commit, also where it was long ago */
    uint64_t batch;            /* the last number that was given */
    size_t len;                /* appends of this transaction */
    struct store_row *rows[JOURNAL_ROWS_MAX];
    uint64_t ids[JOURNAL_ROWS_MAX]; /* of those that are made; the rows have them at the end */
    size_t made;
};

/* The caller owns self; closing self closes the inner store. 0, or a failure of the inner store's.
 */
int journal_store_init(struct journal_store *self, struct store *inner);

/* The store goes away, until it comes back: resume() then connects. */
void journal_store_go(struct journal_store *self, enum journal_end end);
void journal_store_come_back(struct journal_store *self);
