/* SPDX-License-Identifier: MIT */
/*
 * Which pending events of a model are in memory, and which on disk only. Two numbers say it:
 *
 *    ... settled ... | in memory | on disk only | still to come
 *                           cursor^         tail^
 *
 *   cursor   every pending event up to it is in memory
 *   tail     the last event that went to disk alone
 *
 * While the queue is behind, what arrives goes to disk alone, too, or it would overtake. A start is
 * the same thing with nothing in memory.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct queue {
    uint64_t cursor, tail;
    uint64_t upto;   /* where the page at hand ends at the latest */
    bool reading;    /* a page is on its way */
    bool first_read; /* a page has come, or failed to, since the start */
};

/* last_id: the highest that an earlier process has given. */
static inline struct queue queue_begin(uint64_t last_id)
{
    return (struct queue){.tail = last_id, .first_read = last_id == 0};
}

static inline bool queue_is_behind(const struct queue *queue)
{
    return queue->cursor < queue->tail;
}

/* The event is in memory. Not while the queue is behind. */
static inline void queue_join(struct queue *queue, uint64_t id)
{
    if (queue->cursor < id)
        queue->cursor = queue->tail = id;
}

/* The event, the newest one, went to disk alone. */
static inline void queue_spill(struct queue *queue, uint64_t id)
{
    queue->tail = id;
}

/* A page begins: of ids above cursor, up to upto. */
static inline void queue_read(struct queue *queue)
{
    queue->reading = true;
    queue->upto = queue->tail;
}

/* The page is over. last: of those that came into memory, 0 where there was none; whole: nothing is
 * left of it on disk. */
static inline void queue_took(struct queue *queue, uint64_t last, bool whole)
{
    queue->reading = false;
    queue->first_read = true;
    if (whole)
        queue->cursor = queue->upto;
    else if (queue->cursor < last)
        queue->cursor = last;
}
