/* SPDX-License-Identifier: MIT */
/* Two numbers that are computed, in C and in SQL alike: a record's lane, and the id of an event's
 * body. */
#pragma once

#include <sqlite3.h>
#include <stdint.h>

#include "base/span.h"

/* The lane of a record: a hash, the same in every process, version and file. Two records may share
 * one. */
int64_t sqlite_lane_of(struct span model, struct span record);

/* The id of an event's body. */
int64_t sqlite_lane_body(uint64_t id);

/* The id of a body's event. */
uint64_t sqlite_lane_event(int64_t body);

/* Defines the SQL functions lane_of(model, record), which is NULL without a record, and
 * body_of(id). An SQLite result. */
int sqlite_lane_teach(sqlite3 *db);
