/* SPDX-License-Identifier: MIT */
/*
 * The numbers of events, which are their places in line: microseconds of the wall clock at arrival,
 * made to rise strictly. Never given twice, also over restarts: a mark that no number is above is
 * stored ahead of them, and a start goes on behind it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Below all numbers that are given (the year 2005), and above those that another range is for. */
#define OUTBOX_IDS_FROM (UINT64_C(1) << 50)
#define OUTBOX_IDS_END (UINT64_C(1) << 53) /* what a double holds exactly, until the year 2255 */

/* Events of version 1 of the tables, which counted from 1, stand here. */
#define OUTBOX_IDS_EARLY (UINT64_C(1) << 49)

enum { OUTBOX_IDS_AHEAD = 1000 * 1000 }; /* of the mark: a second */

struct outbox_ids {
    uint64_t last; /* that was given */
};

/* mark: as it was stored; 0: none was. */
void outbox_ids_init(struct outbox_ids *ids, uint64_t mark);
uint64_t outbox_ids_next(struct outbox_ids *ids, int64_t wall_ms);

/* The mark that covers all given so far, and those of the next second. */
uint64_t outbox_ids_mark(uint64_t last);
