/* SPDX-License-Identifier: MIT */
#include "server/memory.h"

#include <malloc.h>

enum {
    MEMORY_OWN_PAGES_BYTES = 512 * 1024,  /* a block from this size on has pages of its own */
    MEMORY_SPARE_BYTES = 4 * 1024 * 1024, /* free memory that glibc may keep at a heap's end */
    MEMORY_CHECK_MS = 2000,
    MEMORY_CHECKS_MAX = 15, /* then the heap is trimmed in spite of the work */
};

/*
 * Gives large bodies pages of their own. Growing then moves pages instead of copying bytes, and the
 * pages go back when the body is freed. Where no threshold is fixed, glibc raises the threshold
 * after the first such body, and puts the next ones into the heap.
 */
void memory_tune(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, MEMORY_OWN_PAGES_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, MEMORY_SPARE_BYTES);
}

static void memory_set_timer(struct memory *memory)
{
    memory->has_moved = false;
    loop_timer_set(memory->loop, &memory->timer, loop_now_ms(memory->loop) + MEMORY_CHECK_MS);
}

static void memory_check(void *ctx)
{
    struct memory *memory = ctx;

    if (memory->is_at_work(memory->ctx) && ++memory->checks_at_work < MEMORY_CHECKS_MAX) {
        memory_set_timer(memory);
        return;
    }
    memory->checks_at_work = 0;
    (void)memory->trim(0); /* frees pages between used blocks, and other threads' heaps, too */
    if (memory->has_moved)
        memory_set_timer(memory);
}

static int memory_before_wait(void *ctx)
{
    struct memory *memory = ctx;
    size_t in_use = memory->in_use(memory->ctx);

    if (in_use != memory->was_in_use) {
        memory->has_moved = true;
        if (!loop_timer_is_set(&memory->timer))
            memory_set_timer(memory);
    }
    memory->was_in_use = in_use;
    return -1;
}

void memory_watch(struct memory *memory, struct loop *loop)
{
    memory->loop = loop;
    memory->was_in_use = memory->in_use(memory->ctx);
    memory->timer = (struct loop_timer){.fn = memory_check, .ctx = memory};
    memory->hook = (struct loop_hook){.before_wait = memory_before_wait, .ctx = memory};
    loop_hook_add(loop, &memory->hook);
}

void memory_done(struct memory *memory)
{
    if (!memory->loop)
        return;
    loop_timer_clear(memory->loop, &memory->timer);
    loop_hook_remove(memory->loop, &memory->hook);
}
