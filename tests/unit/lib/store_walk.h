/* SPDX-License-Identifier: MIT */
/* A walk that makes the same random changes to a store and to its mirror. */
#pragma once

#include "tests/unit/lib/store_mirror.h"

enum { WALK_DOUBTS = 32 };

/* A walk must be all zero at first, but for the store and the dice. */
struct walk {
    struct store *store;
    uint64_t dice;
    struct mirror now;  /* as of the last commit */
    struct mirror next; /* with the transaction at hand */
    /* As of the last commit, with one of the transactions that failed since: what a failed sync has
     * left may turn up after a crash. */
    struct mirror doubtful[WALK_DOUBTS];
    size_t doubts;
    long commits;
};

/* A transaction of a few changes. 0: it is committed. */
int walk_step(struct walk *walk);

/* After a crash, with the store opened again: what was committed is there, and of the rest nothing
 * or one transaction. */
void walk_check_after_crash(struct walk *walk);
