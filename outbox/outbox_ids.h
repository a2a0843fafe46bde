/* SPDX-License-Identifier: MIT */
/*
 * The ids of events, which are their places in line: microseconds of the wall clock at arrival,
 * made to rise strictly. No id is given twice, also over restarts: a mark that is above every id
 * given so far is stored ahead of time, and a start goes on behind the stored mark.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The lowest id that is given, which is the year 2005. Lower ones are for other ranges. */
#define OUTBOX_IDS_FROM (UINT64_C(1) << 50)

/* Ids end below this one: a double holds them exactly. Reached in the year 2255. */
#define OUTBOX_IDS_END (UINT64_C(1) << 53)

/* Version 1 of the tables counted events from 1. The migration has raised those ids by this. */
#define OUTBOX_IDS_EARLY (UINT64_C(1) << 49)

enum { OUTBOX_IDS_AHEAD = 1000 * 1000 }; /* microseconds by which the mark is ahead of the ids */

struct outbox_ids {
    uint64_t last; /* the last id that was given */
};

/* mark: the stored one; 0: no mark was stored. */
void outbox_ids_init(struct outbox_ids *ids, uint64_t mark);

/* The next id, where the wall clock shows wall_ms. */
uint64_t outbox_ids_next(struct outbox_ids *ids, int64_t wall_ms);

/* The mark to be stored once last was given: it covers the ids of the next second as well. */
uint64_t outbox_ids_mark(uint64_t last);
