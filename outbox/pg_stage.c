/* SPDX-License-Identifier: MIT */
/* Stages: changes of one kind become arrays of one statement. */
#include "outbox/pg_stage.h"

#include <errno.h>

#include "base/error.h"
#include "outbox/pg_fence.h"
#include "outbox/pg_run.h"
#include "outbox/pg_stream.h"
#include "outbox/pg_sums.h"

/* ---- Sets ---- */

static size_t stage_bit(uint64_t hash)
{
    return (size_t)((hash * UINT64_C(0x9e3779b97f4a7c15)) >> 50); /* 14 bits */
}

void pg_set_add(struct pg_set *set, uint64_t hash)
{
    size_t bit = stage_bit(hash);

    set->bits[bit / 64] |= UINT64_C(1) << bit % 64;
    set->any = true;
}

bool pg_set_has(const struct pg_set *set, uint64_t hash)
{
    size_t bit = stage_bit(hash);

    return set->any && set->bits[bit / 64] >> bit % 64 & 1;
}

static void stage_clear_set(struct pg_set *set)
{
    if (set->any)
        memset(set, 0, sizeof(*set));
}

/* ---- Making and forgetting ---- */

int pg_stage_init(struct pg_core *self)
{
    static const enum pg_type event[] = {PG_INT8,  PG_INT8,  PG_INT8,  PG_INT8,  PG_INT8, PG_INT8,
                                         PG_BYTEA, PG_BYTEA, PG_BYTEA, PG_BYTEA, PG_BYTEA};
    static const enum pg_type letter[] = {PG_BOOL, PG_INT8, PG_INT8, PG_BYTEA, PG_INT8};
    struct pg_changes *changes = calloc(1, sizeof(*changes));

    if (!changes)
        return error_origin(-ENOMEM);
    for (size_t i = 0; i < array_len(event); i++)
        changes->append[i].type = changes->bury[i].type = event[i];
    for (size_t i = 0; i < array_len(letter); i++)
        changes->bury[array_len(event) + i].type = letter[i];
    for (size_t i = 0; i < array_len(changes->note); i++)
        changes->note[i].type = i == 4 ? PG_BYTEA : PG_INT8;
    for (size_t i = 0; i < array_len(changes->stale); i++)
        changes->stale[i].type = i < 2 ? PG_INT8 : PG_BYTEA;
    for (size_t i = 0; i < 2; i++)
        changes->bury_places[i].type = changes->settle_places[i].type = PG_INT8;
    changes->append_models.type = changes->count[0].type = PG_BYTEA;
    changes->append_counts.type = changes->append_bytes.type = changes->count[1].type = PG_INT8;
    changes->settle_ids.type = PG_INT8;
    self->changes = changes;
    return 0;
}

static void stage_each(struct pg_changes *changes, void (*fn)(struct pg_array *array))
{
    for (size_t i = 0; i < array_len(changes->append); i++)
        fn(&changes->append[i]);
    for (size_t i = 0; i < array_len(changes->bury); i++)
        fn(&changes->bury[i]);
    for (size_t i = 0; i < array_len(changes->note); i++)
        fn(&changes->note[i]);
    for (size_t i = 0; i < array_len(changes->stale); i++)
        fn(&changes->stale[i]);
    for (size_t i = 0; i < 2; i++) {
        fn(&changes->bury_places[i]);
        fn(&changes->settle_places[i]);
        fn(&changes->count[i]);
    }
    fn(&changes->append_models);
    fn(&changes->append_counts);
    fn(&changes->append_bytes);
    fn(&changes->settle_ids);
}

void pg_stage_done(struct pg_core *self)
{
    struct pg_changes *changes = self->changes;

    if (!changes)
        return;
    stage_each(changes, pg_array_done);
    free(changes->rows);
    free(changes->chunks);
    free(changes);
    self->changes = NULL;
}

/* Begins another stage. */
static void stage_next_stage(struct pg_changes *changes)
{
    stage_each(changes, pg_array_clear);
    stage_clear_set(&changes->noted);
    stage_clear_set(&changes->buried);
    stage_clear_set(&changes->buried_lanes);
    stage_clear_set(&changes->settled);
    stage_clear_set(&changes->settled_lanes);
    changes->kinds_len = 0;
    changes->body_bytes = 0;
    changes->bury_draws = false;
}

void pg_stage_forget(struct pg_core *self, bool lost)
{
    struct pg_changes *changes = self->changes;

    for (size_t i = 0; i < changes->rows_len && lost; i++)
        if (changes->rows[i].row)
            changes->rows[i].row->id = 0;
    stage_next_stage(changes);
    changes->rows_len = changes->chunks_len = 0;
}

bool pg_stage_any(const struct pg_core *self)
{
    const struct pg_changes *changes = self->changes;

    return changes->append[0].len || changes->bury[0].len || changes->note[0].len ||
           changes->stale[0].len || changes->settle_ids.len || changes->count[0].len;
}

/* ---- Results ---- */

int pg_stage_take_sums(struct pg_core *self, const PGresult *result, void *ctx)
{
    struct pg_told *told = ctx;
    int rows = PQntuples(result);

    for (int i = 0; i < rows; i++) {
        const struct pg_sums sums = pg_sums_read(result, i);
        pg_sums_change(self, pg_core_number(result, i, PG_COLUMN_MODEL), &sums);
        if (told && i == 0)
            *told = (struct pg_told){.number = pg_core_number(result, 0, 0), .sums = sums};
    }
    if (told)
        told->rows = rows;
    return 0;
}

static void stage_give(struct pg_changes *changes, size_t chunk, int64_t base)
{
    const struct pg_change_chunk *at = &changes->chunks[chunk];

    for (size_t i = 0; i < at->len; i++) {
        struct store_row *row = changes->rows[at->first + i].row;
        if (row)
            row->id = (uint64_t)base + i;
    }
}

static int stage_take_chunk(struct pg_core *self, const PGresult *result, void *ctx)
{
    struct pg_told told = {0};

    (void)pg_stage_take_sums(self, result, &told);
    if (told.rows > 0 && told.number > 0) {
        stage_give(self->changes, (size_t)(uintptr_t)ctx, told.number);
        pg_stream_own(self, told.number);
    }
    return 0;
}

bool pg_stage_give_ids(struct pg_core *self, const int64_t *bases, size_t len)
{
    struct pg_changes *changes = self->changes;

    if (len != changes->chunks_len)
        return false;
    for (size_t i = 0; i < len; i++) {
        stage_give(changes, i, bases[i]);
        pg_stream_own(self, bases[i]);
    }
    return true;
}

/* ---- Queueing a stage ---- */

static int stage_bind(struct pg_array *arrays, size_t len, struct pg_value *values)
{
    int r = 0;

    for (size_t i = 0; i < len && !r; i++) {
        values[i].is_number = false;
        r = pg_array_parameter(&arrays[i], &values[i].bytes);
    }
    return r;
}

static int stage_add_chunk(struct pg_changes *changes, size_t first, size_t len)
{
    if (changes->chunks_len == changes->chunks_cap) {
        size_t cap = changes->chunks_cap ? 2 * changes->chunks_cap : 16;
        struct pg_change_chunk *more = realloc(changes->chunks, cap * sizeof(*more));
        if (!more)
            return error_origin(-ENOMEM);
        changes->chunks = more;
        changes->chunks_cap = cap;
    }
    changes->chunks[changes->chunks_len++] = (struct pg_change_chunk){first, len};
    return 0;
}

static int stage_queue_append(struct pg_core *self)
{
    struct pg_changes *changes = self->changes;
    struct pg_value values[16] = {PG_NUMBER(self->member), PG_NUMBER(self->cycle)};
    size_t chunk = changes->chunks_len;
    int r = 0;

    for (size_t i = 0; i < changes->kinds_len && !r; i++) {
        r = pg_array_add_bytes(&changes->append_models, changes->kinds[i].model);
        if (!r)
            r = pg_array_add_int8(&changes->append_counts, changes->kinds[i].n);
        if (!r)
            r = pg_array_add_int8(&changes->append_bytes, changes->kinds[i].bytes);
    }
    if (!r)
        r = stage_add_chunk(changes, changes->append_first, (size_t)changes->append[0].len);
    if (!r)
        r = stage_bind(changes->append, PG_STAGE_EVENT_COLUMNS, &values[2]);
    if (!r)
        r = stage_bind(&changes->append_models, 1, &values[13]);
    if (!r)
        r = stage_bind(&changes->append_counts, 1, &values[14]);
    if (!r)
        r = stage_bind(&changes->append_bytes, 1, &values[15]);
    return r ? r
             : pg_run_queue(self, PG_APPEND, values, 16, stage_take_chunk,
                            (void *)(uintptr_t)chunk);
}

static int stage_queue_notes(struct pg_core *self)
{
    struct pg_value values[5];
    int r = stage_bind(self->changes->note, 5, values);

    return r ? r : pg_run_queue(self, PG_NOTE, values, 5, NULL, NULL);
}

static int stage_queue_burials(struct pg_core *self)
{
    struct pg_changes *changes = self->changes;
    struct pg_value values[20] = {PG_NUMBER(self->member), PG_NUMBER(self->cycle)};
    size_t chunk = changes->chunks_len;
    int r = stage_bind(changes->bury_places, 2, &values[2]);

    if (!r)
        r = stage_bind(changes->bury, PG_STAGE_LETTER_COLUMNS, &values[4]);
    if (!r)
        r = pg_run_queue(self, PG_LOCK_LETTERS, &values[4], 1, NULL, NULL);
    if (!r && changes->bury_draws)
        r = stage_add_chunk(changes, changes->bury_first, (size_t)changes->bury[0].len);
    if (r)
        return r;
    return changes->bury_draws
               ? pg_run_queue(self, PG_BURY, values, 20, stage_take_chunk, (void *)(uintptr_t)chunk)
               : pg_run_queue(self, PG_BURY, values, 20, pg_stage_take_sums, NULL);
}

static int stage_queue_settlements(struct pg_core *self)
{
    struct pg_changes *changes = self->changes;
    struct pg_value values[5] = {PG_NUMBER(self->member), PG_NUMBER(self->cycle)};
    bool alone = !self->letters && !self->troubles;
    int r = stage_bind(changes->settle_places, 2, &values[2]);

    if (!r)
        r = stage_bind(&changes->settle_ids, 1, &values[4]);
    return r ? r
             : pg_run_queue(self, alone ? PG_SETTLE_ALONE : PG_SETTLE, values, alone ? 4 : 5,
                            pg_stage_take_sums, NULL);
}

static int stage_queue_stale(struct pg_core *self)
{
    struct pg_value values[4];
    int r = stage_bind(self->changes->stale, 4, values);

    return r ? r : pg_run_queue(self, PG_STALE, values, 4, NULL, NULL);
}

static int stage_queue_counts(struct pg_core *self)
{
    struct pg_value values[4] = {PG_NUMBER(self->member), PG_NUMBER(self->cycle)};
    int r = stage_bind(self->changes->count, 2, &values[2]);

    return r ? r : pg_run_queue(self, PG_COUNT, values, 4, pg_stage_take_sums, NULL);
}

int pg_stage_queue(struct pg_core *self, bool alone)
{
    struct pg_changes *changes = self->changes;
    int r = pg_fence_queue(self, alone);

    self->letters |= changes->bury[0].len > 0;
    self->troubles |= changes->note[0].len > 0;
    if (!r && changes->append[0].len > 0)
        r = stage_queue_append(self);
    if (!r && changes->note[0].len > 0)
        r = stage_queue_notes(self);
    if (!r && changes->bury[0].len > 0)
        r = stage_queue_burials(self);
    if (!r && changes->settle_ids.len > 0)
        r = stage_queue_settlements(self);
    if (!r && changes->stale[0].len > 0 && self->letters)
        r = stage_queue_stale(self);
    if (!r && changes->count[0].len > 0)
        r = stage_queue_counts(self);
    stage_next_stage(changes);
    if (r) /* half a transaction must not be committed by the next Sync */
        (void)pg_core_lose(self, "no memory");
    return pg_core_spoil(self, r);
}
