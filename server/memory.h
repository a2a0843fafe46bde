/* SPDX-License-Identifier: MIT */
/*
 * Gives freed memory back to the system. glibc by itself returns only the end of a heap, and one
 * small block behind a burst keeps all of the burst's memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/loop.h"

/* The owner sets in_use, is_at_work, ctx and trim before memory_watch(). */
struct memory {
    struct loop *loop;
    size_t (*in_use)(void *ctx);   /* how much there is that takes memory, in any unit */
    bool (*is_at_work)(void *ctx); /* whether freed memory will soon be needed again */
    void *ctx;
    int (*trim)(size_t pad); /* malloc_trim(), or a test's */
    size_t was_in_use;       /* in_use(), at the last turn of the loop */
    bool has_moved;          /* in_use() has changed since the timer was set */
    int checks_at_work;      /* checks in a row at which is_at_work() was true */
    struct loop_hook hook;   /* notices that in_use() has changed */
    struct loop_timer timer; /* set from a change until the heap is trimmed */
};

/* Sets how glibc takes memory, for the whole process. To be called before large allocations. */
void memory_tune(void);

/*
 * Trims the heap two seconds after in_use() has changed, and again two seconds later if in_use()
 * went on changing: other threads free what the last change has left a moment after that change.
 * While is_at_work() is true the trim waits, for half a minute at most. A trim costs 0.15 ms for
 * each MiB of the heap.
 */
void memory_watch(struct memory *memory, struct loop *loop);

/* Takes a struct that is all zero. */
void memory_done(struct memory *memory);
