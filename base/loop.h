/* SPDX-License-Identifier: MIT */
/*
 * The event loop: descriptors, timers, and hooks that run once a turn before the wait.
 *
 * One thread owns the loop, and everything in the loop. No callback may block. The structs are
 * embedded in their users, who set fn and ctx. A struct must be removed before its memory goes.
 * Callbacks may call any function here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/util.h"

struct loop;

struct loop_fd {
    int fd;
    void (*fn)(void *ctx, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP */
    void *ctx;
};

struct loop_timer {
    void (*fn)(void *ctx); /* when this runs, the timer is no longer set */
    void *ctx;
    int64_t at_ms;         /* monotonic; when the timer is due; for users to read */
    struct heap_node node; /* the loop's */
};

struct loop_hook {
    /* Runs before each wait, after all other callbacks. Returns how long the wait may be, in ms;
     * -1: without a limit. */
    int (*before_wait)(void *ctx);
    void *ctx;
    TAILQ_ENTRY(loop_hook) link;
};

/* 0 or an -errno. clock stays the caller's. */
int loop_new(struct clock *clock, struct loop **loop);

/* Takes NULL. Forgets what is still registered. */
struct loop *loop_free(struct loop *loop);
CLEANUP_POINTER(struct loop, loop_free);

/* The descriptor stays the caller's. Events are level-triggered. 0 or an -errno. */
int loop_fd_add(struct loop *loop, struct loop_fd *source, uint32_t events);
int loop_fd_change(struct loop *loop, struct loop_fd *source, uint32_t events);
/* After this no callback comes, not even for an event that the loop has seen already. */
void loop_fd_remove(struct loop *loop, struct loop_fd *source);

/* Sets a timer, or moves one that is set. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t at_ms);

/* Takes a timer that is not set, too. */
void loop_timer_clear(struct loop *loop, struct loop_timer *timer);

static inline bool loop_timer_is_set(const struct loop_timer *timer)
{
    return heap_linked(&timer->node);
}

/* A hook that is added by a hook still runs in the same turn. */
void loop_hook_add(struct loop *loop, struct loop_hook *hook);
void loop_hook_remove(struct loop *loop, struct loop_hook *hook);

/* The monotonic time of this turn, in ms: one reading of the clock serves all callbacks. */
int64_t loop_now_ms(const struct loop *loop);
struct clock *loop_clock(const struct loop *loop);

/* Makes one turn: hooks, the wait, descriptors, timers that are due. 0 or an -errno. */
int loop_turn(struct loop *loop);
/* Makes turns until loop_stop(). 0 or an -errno. */
int loop_run(struct loop *loop);

/* Makes loop_run() return when the present turn has run its callbacks. */
void loop_stop(struct loop *loop);
