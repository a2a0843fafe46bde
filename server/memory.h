/* SPDX-License-Identifier: MIT */
/*
 * What was freed goes back to the system: glibc by itself returns only what lies at a heap's end,
 * and one small block behind a burst keeps all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/loop.h"

struct memory {
    struct loop *loop;
    size_t (*held)(void *ctx);     /* how much there is that takes memory, in whatever unit */
    bool (*is_at_work)(void *ctx); /* and will need soon again what it frees */
    void *ctx;
    size_t was_held;
    int ticks_at_work; /* at which somebody was at work */
    struct loop_hook hook;
    struct loop_timer timer;
};

/* How glibc takes memory for the whole process. Before anything large is allocated. */
void memory_tune(void);

/* Trims the heap two seconds after held() has changed, or where somebody is at work then, once
 * nobody is, but no later than after half a minute: 0.15 ms for each MiB of it. The caller has set
 * held, is_at_work and ctx. */
void memory_watch(struct memory *memory, struct loop *loop);

/* Takes one that is all zero. */
void memory_done(struct memory *memory);
