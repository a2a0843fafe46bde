/* SPDX-License-Identifier: MIT */
/*
 * A model's queue: which of its pending events are in memory, and which on disk only. Two numbers
 * say so:
 *
 *    ... settled ... | in memory | on disk only | still to come
 *                           cursor^         tail^
 *
 *   cursor   the id up to which every pending event is in memory
 *   tail     the id of the last event that went to disk alone
 *
 * While cursor < tail, the queue is behind. An arrival then spills as well, or it would overtake
 * the events on disk. A queue begins with nothing in memory, and with the last id that any earlier
 * process gave as its tail. While nobody can tell that id, since the outbox is away, the tail is
 * above all ids; the first whole page says where it was.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct queue {
    uint64_t cursor, tail;
    uint64_t upto;   /* the highest id that the page being read may have: the tail at its begin */
    bool reading;    /* a page is being read */
    bool first_read; /* the first page of this process has come, or failed to */
};

/* Above all ids: the last id that an earlier process gave is not known. */
#define QUEUE_UNKNOWN ((uint64_t)INT64_MAX)

/* last_id: the highest id that an earlier process gave; 0: none; or QUEUE_UNKNOWN. */
static inline struct queue queue_begin(uint64_t last_id)
{
    return (struct queue){.tail = last_id, .first_read = last_id == 0};
}

static inline bool queue_is_behind(const struct queue *queue)
{
    return queue->cursor < queue->tail;
}

/* The event, whose id is id, has come into memory. Not while the queue is behind. */
static inline void queue_join(struct queue *queue, uint64_t id)
{
    if (queue->cursor < id)
        queue->cursor = queue->tail = id;
}

/* The newest event goes to disk alone. */
static inline void queue_spill(struct queue *queue, uint64_t id)
{
    queue->tail = id;
}

/* A page is being read from now on: ids above cursor, up to upto. */
static inline void queue_read(struct queue *queue)
{
    queue->reading = true;
    queue->upto = queue->tail;
}

/* The page has come, or failed to. last: the last id that came into memory; 0: none did. whole: the
 * page has brought every event up to upto. */
static inline void queue_took(struct queue *queue, uint64_t last, bool whole)
{
    queue->reading = false;
    queue->first_read = true;
    if (whole && queue->upto != QUEUE_UNKNOWN)
        queue->cursor = queue->upto;
    else if (queue->cursor < last)
        queue->cursor = last;
    if (whole && queue->tail == QUEUE_UNKNOWN)
        queue->tail = queue->cursor;
}
