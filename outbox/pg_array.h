/* SPDX-License-Identifier: MIT */
/* Parameters of PostgreSQL's statements, in its binary format: arrays, whose elements a statement
 * unnests, and single values. */
#pragma once

#include <stdint.h>

#include "base/buf.h"

/* An array of one type. All zero but for type is an empty one, whose memory pg_array_done() frees.
 * Sources: array_recv() in src/backend/utils/adt/arrayfuncs.c; src/include/catalog/pg_type.dat. */
struct pg_array {
    enum pg_type { PG_BOOL = 16, PG_BYTEA = 17, PG_INT8 = 20 } type;
    int len;
    bool has_nulls;
    struct buf bytes;
};

/* Each appends one element. 0 or -ENOMEM. SPAN_NULL is NULL. */
int pg_array_add_int8(struct pg_array *array, int64_t value);
int pg_array_add_bool(struct pg_array *array, bool value);
int pg_array_add_bytes(struct pg_array *array, struct span value);
int pg_array_add_null(struct pg_array *array);

/* The elements as one parameter. Valid until the array changes. 0 or -ENOMEM. */
int pg_array_parameter(struct pg_array *array, struct span *parameter);

/* Forgets the elements, and keeps the memory, unless that is much. */
void pg_array_clear(struct pg_array *array);
void pg_array_done(struct pg_array *array);

/* ---- Single values ---- */

struct pg_number {
    char bytes[8];
};

struct pg_number pg_number_of(int64_t value);
int64_t pg_number_read(const char *bytes, int len);
