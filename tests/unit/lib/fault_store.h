/* SPDX-License-Identifier: MIT */
/*
 * A store around another one: counts the calls, fails where a test wants a failure, and can be held
 * before a commit. A test may change the fields while another thread is inside a call.
 */
#pragma once

#include <semaphore.h>
#include <stdatomic.h>

#include "outbox/store.h"

enum fault_call {
    FAULT_BEGIN,
    FAULT_COMMIT,
    FAULT_APPEND,
    FAULT_DELIVERED,
    FAULT_MARK_STALE,
    FAULT_READ,
    FAULT_BURY,
    FAULT_TAKE,
    FAULT_CALLS,
};

struct fault_store {
    struct store store;
    struct store *inner;
    atomic_int calls[FAULT_CALLS];
    atomic_int results[FAULT_CALLS]; /* what calls return; 0: what the inner store returns */
    atomic_ullong refused_id;        /* an append of this id spoils its transaction */
    atomic_llong refused_arrived_ms; /* likewise, of an event that arrived then; 0: of none */
    atomic_int refused_with;         /* what that transaction fails with */
    atomic_bool refused_late;        /* it fails at the commit, and not at the append */
    int spoilt;                      /* what the commit at hand fails with; 0: nothing */
    atomic_int statements; /* how many changing statements are left before the crash; 0: no crash */
    atomic_bool crashed;   /* the process is as good as dead: every call fails */
    atomic_bool commits;   /* a commit before which it is to die happens all the same */
    atomic_bool mends;     /* the next tend() says that it has mended damage */
    atomic_bool held;      /* commits wait */
    sem_t inside;          /* posted when a commit begins to wait */
    sem_t let_go;          /* posted for the commit that waits */
};

/* The caller owns self; closing self closes the inner store. */
void fault_store_init(struct fault_store *self, struct store *inner);

/* The process is to die before the n-th statement that changes something; 0: not at all. */
void fault_store_crash_before(struct fault_store *self, int n);
bool fault_store_has_crashed(struct fault_store *self);

/* Calls of that kind return r from now on; 0: they go through. */
void fault_store_set(struct fault_store *self, enum fault_call call, int r);

/* From now on commits wait. */
void fault_store_hold(struct fault_store *self);
/* Returns once a commit waits. */
void fault_store_await(struct fault_store *self);
/* Lets the commit that waits go on, and holds no later one. */
void fault_store_let_go(struct fault_store *self);
