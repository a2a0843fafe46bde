/* SPDX-License-Identifier: MIT */
/*
 * A store around another one that counts what is asked of it, fails where a test wants it to, and
 * can be held before a commit. A test sets it up from one thread while another may be inside.
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
    atomic_ullong refused_id;        /* an append of this id spoils its transaction ... */
    atomic_int refused_with;         /* ... in this way */
    atomic_bool refused_late;        /* ... at its commit, and not before */
    int spoilt;
    atomic_int statements; /* that change something, until the process is as good as dead */
    atomic_bool crashed;
    atomic_bool mends; /* the next look says that the store was damaged, and is not any more */
    atomic_bool held;  /* commits wait: */
    sem_t inside;      /* posted when one has come */
    sem_t let_go;
};

/* Belongs to the caller; closing it closes the inner store. */
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
/* Lets the one that waits go, and holds none after it. */
void fault_store_let_go(struct fault_store *self);
