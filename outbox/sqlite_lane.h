/* SPDX-License-Identifier: MIT */
/* Numbers that are made of others, in SQL, too: a record's lane, and where an event's body is. */
#pragma once

#include <sqlite3.h>
#include <stdint.h>

#include "base/span.h"

/* 64 bits of a hash, the same in every process, version and file; two records may share them. */
int64_t sqlite_lane_of(struct span model, struct span record);

/* The id of an event's body, and back. */
int64_t sqlite_lane_body(uint64_t id);
uint64_t sqlite_lane_event(int64_t body);

/* Gives the connection the functions lane_of(model, record), which is NULL without a record, and
 * body_of(id). An SQLite result. */
int sqlite_lane_teach(sqlite3 *db);
