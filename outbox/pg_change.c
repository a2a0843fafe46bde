/* SPDX-License-Identifier: MIT */
/*
 * Changes that are gathered.
 *
 * Statements of a stage run in a fixed order: appends, notes, burials, deliveries, stale marks. A
 * change that would then run before an earlier one that it depends on ends the stage: what is
 * gathered is queued, and the change begins another stage. Whether two changes may depend on each
 * other is told by hashes of their ids and lanes; a collision costs a statement, no more.
 */
#include "outbox/pg_change.h"

#include <errno.h>

#include "base/error.h"
#include "outbox/lane_id.h"
#include "outbox/pg_ask.h"
#include "outbox/pg_stage.h"
#include "outbox/pg_stream.h"
#include "outbox/pg_sums.h"

#define CHANGE_IDS_END (UINT64_C(1) << 56)

enum {
    CHANGE_KINDS_LOOK = 16, /* entries that are looked through for a model */
    CHANGE_SPARE = 16,      /* the part of the quota that is room to spare */
};

/* Ends the stage, unless nothing is gathered. */
static int change_end_stage(struct pg_core *self)
{
    return pg_stage_any(self) ? pg_stage_queue(self, false) : 0;
}

/* Ends the stage where a condition says so. */
static int change_end_stage_if(struct pg_core *self, bool dependent)
{
    return dependent ? change_end_stage(self) : 0;
}

static int64_t change_row_bytes(const struct store_row *row)
{
    return (int64_t)(row->body.len + row->model.len + row->record.len);
}

/* ---- Columns ---- */

/* A number of a column that is mostly not there. */
static int change_add_optional(struct pg_array *array, int64_t value)
{
    return value ? pg_array_add_int8(array, value) : pg_array_add_null(array);
}

/* Adds the columns of an event. */
static int change_add_event(struct pg_array *columns, const struct store_row *row)
{
    const struct span spans[] = {row->model, row->record, row->request, row->import,
                                 row->body.at ? row->body : SPAN("")};
    int r = pg_array_add_int8(&columns[0], (int64_t)row->id);

    if (!r)
        r = pg_array_add_int8(&columns[1], row->arrived_ms);
    if (!r)
        r = pg_array_add_int8(&columns[2], row->since_ms ? row->since_ms : row->arrived_ms);
    if (!r)
        r = change_add_optional(&columns[3], row->died_ms);
    if (!r)
        r = change_add_optional(&columns[4], (int64_t)row->was);
    if (!r)
        r = change_add_optional(&columns[5], (int64_t)row->sequence);
    for (size_t i = 0; i < array_len(spans) && !r; i++)
        r = pg_array_add_bytes(&columns[6 + i], spans[i]);
    return r;
}

/* Adds the columns of a letter. */
static int change_add_letter(struct pg_array *columns, const struct store_row *row)
{
    struct pg_array *rest = &columns[PG_STAGE_EVENT_COLUMNS];
    int r = change_add_event(columns, row);

    if (!r)
        r = pg_array_add_bool(&rest[0], row->stale);
    if (!r)
        r = pg_array_add_int8(&rest[1], row->attempts);
    if (!r)
        r = pg_array_add_int8(&rest[2], row->tried_ms);
    if (!r)
        r = pg_array_add_bytes(&rest[3], row->reason);
    if (r)
        return r;
    return row->record.at ? pg_array_add_int8(&rest[4], lane_id(row->model, row->record))
                          : pg_array_add_null(&rest[4]);
}

/* ---- Arrivals ---- */

/* Remembers a row that is to be given its id. */
static int change_remember(struct pg_changes *changes, struct store_row *row)
{
    if (changes->rows_len == changes->rows_cap) {
        size_t cap = changes->rows_cap ? 2 * changes->rows_cap : 64;
        struct pg_change_row *more = realloc(changes->rows, cap * sizeof(*more));
        if (!more)
            return error_origin(-ENOMEM);
        changes->rows = more;
        changes->rows_cap = cap;
    }
    changes->rows[changes->rows_len++] =
        (struct pg_change_row){.row = row && row->id == 0 ? row : NULL};
    return 0;
}

/* Counts a row among those of its model. */
static void change_count_kind(struct pg_changes *changes, const struct store_row *row)
{
    size_t looked = 0;
    size_t i = changes->kinds_len;

    while (i > 0 && looked++ < CHANGE_KINDS_LOOK &&
           !span_same(changes->kinds[i - 1].model, row->model))
        i--;
    if (i == 0 || looked > CHANGE_KINDS_LOOK) {
        i = ++changes->kinds_len;
        changes->kinds[i - 1] = (struct pg_change_kind){.model = row->model};
    }
    changes->kinds[i - 1].n++;
    changes->kinds[i - 1].bytes += change_row_bytes(row);
}

static bool change_is_large(const struct pg_changes *changes, const struct store_row *row,
                            const struct pg_array *ids)
{
    return ids->len == PG_STAGE_ROWS_MAX ||
           (changes->body_bytes > 0 &&
            changes->body_bytes + change_row_bytes(row) > PG_STAGE_BYTES_MAX);
}

/* What an attempt left before the event was stored. */
static int change_note_appended(struct pg_core *self, const struct store_row *row)
{
    if (!row->attempts && !row->tried_ms && !row->reason.at)
        return 0;
    if (row->id == 0) /* where the place is not known, nothing can be noted: nobody asks for it */
        return 0;
    return pg_change_note_failure(&self->store, row);
}

static int change_append_pending(struct pg_core *self, struct store_row *row)
{
    struct pg_changes *changes = self->changes;
    bool behind = changes->note[0].len || changes->settle_ids.len || changes->stale[0].len;
    /* A letter in front of it must get the lower id; a given id may be that of another change. */
    int r = change_end_stage_if(self, changes->bury[0].len > 0 || (row->id && behind) ||
                                          change_is_large(changes, row, &changes->append[0]));

    if (!r && changes->append[0].len == 0)
        changes->append_first = changes->rows_len;
    if (!r)
        r = change_remember(changes, row);
    if (!r)
        r = change_add_event(changes->append, row);
    if (r)
        return r;
    change_count_kind(changes, row);
    changes->body_bytes += change_row_bytes(row);
    if (row->id)
        pg_stream_own(self, (int64_t)row->id);
    return change_note_appended(self, row);
}

/* id 0: a new letter. Otherwise its row may be anywhere. */
static int change_add_burial(struct pg_core *self, const struct store_row *row,
                             struct store_row *given)
{
    struct pg_changes *changes = self->changes;
    int64_t lane = row->record.at ? lane_id(row->model, row->record) : 0;
    int r = change_end_stage_if(
        self, (row->id &&
               (pg_set_has(&changes->buried, row->id) || pg_set_has(&changes->settled, row->id))) ||
                  (row->record.at && pg_set_has(&changes->settled_lanes, (uint64_t)lane)) ||
                  change_is_large(changes, row, &changes->bury[0]));

    if (!r && changes->bury[0].len == 0)
        changes->bury_first = changes->rows_len;
    if (!r)
        r = change_remember(changes, given);
    if (!r && row->id)
        r = pg_stream_places(self, (int64_t)row->id, changes->bury_places, NULL);
    if (!r)
        r = change_add_letter(changes->bury, row);
    if (r)
        return r;
    if (row->id)
        pg_set_add(&changes->buried, row->id);
    changes->bury_draws |= row->id == 0;
    changes->body_bytes += change_row_bytes(row);
    return 0;
}

int pg_change_append(struct store *store, struct store_row *row)
{
    struct pg_core *self = pg_core_of(store);
    int r = pg_core_admit(self);

    if (r)
        return r;
    if (row->id >= CHANGE_IDS_END || row->state > STORE_DEAD)
        return pg_core_spoil(self, error_origin(-EINVAL));
    if (!pg_sums_have_room(self, change_row_bytes(row)))
        return pg_core_note_full(self); /* other changes are none the worse for it */
    r = row->state == STORE_DEAD ? change_add_burial(self, row, row)
                                 : change_append_pending(self, row);
    if (r)
        return pg_core_spoil(self, r);
    pg_sums_take_room(self, change_row_bytes(row));
    self->roomy |= pg_sums_have_room(self, self->settings.max_bytes / CHANGE_SPARE);
    return 0;
}

/* ---- Ends ---- */

int pg_change_mark_stale(struct store *store, uint64_t id, struct span model, struct span record)
{
    struct pg_core *self = pg_core_of(store);
    struct pg_changes *changes = self->changes;
    int64_t lane = record.at ? lane_id(model, record) : 0;
    int r = pg_core_admit(self);

    if (r || !record.at)
        return r;
    r = change_end_stage_if(self, changes->stale[0].len == PG_STAGE_ROWS_MAX);
    if (!r)
        r = pg_array_add_int8(&changes->stale[0], lane);
    if (!r)
        r = pg_array_add_int8(&changes->stale[1], (int64_t)id);
    if (!r)
        r = pg_array_add_bytes(&changes->stale[2], model);
    if (!r)
        r = pg_array_add_bytes(&changes->stale[3], record);
    if (!r)
        pg_set_add(&changes->settled_lanes, (uint64_t)lane);
    return pg_core_spoil(self, r);
}

/* One that was certainly never stored counts where it is certainly not there: PostgreSQL has to
 * answer. */
static int change_deliver_unstored(struct pg_core *self, const struct store_row *row)
{
    int r = pg_ask_flush(self);
    const int64_t before = self->delivered;

    if (!r)
        r = pg_change_deliver(&self->store, row, false);
    if (!r)
        r = pg_ask_flush(self);
    if (r || self->delivered > before)
        return r;
    return pg_change_count_delivered(&self->store, row->model, 1);
}

int pg_change_deliver(struct store *store, const struct store_row *row, bool unstored)
{
    struct pg_core *self = pg_core_of(store);
    struct pg_changes *changes = self->changes;
    int r = pg_core_admit(self);

    if (r)
        return r;
    if (unstored)
        return change_deliver_unstored(self, row);
    r = change_end_stage_if(self, changes->settle_ids.len == PG_STAGE_ROWS_MAX);
    if (!r)
        r = pg_stream_places(self, (int64_t)row->id, changes->settle_places, NULL);
    if (!r)
        r = pg_array_add_int8(&changes->settle_ids, (int64_t)row->id);
    if (r)
        return pg_core_spoil(self, r);
    pg_set_add(&changes->settled, row->id);
    self->oldest.known = false;
    return pg_change_mark_stale(store, row->id, row->model, row->record);
}

int pg_change_count_delivered(struct store *store, struct span model, uint64_t n)
{
    struct pg_core *self = pg_core_of(store);
    struct pg_changes *changes = self->changes;
    int r = pg_core_admit(self);

    if (!r)
        r = pg_array_add_bytes(&changes->count[0], model);
    if (!r)
        r = pg_array_add_int8(&changes->count[1], (int64_t)n);
    return pg_core_spoil(self, r);
}

int pg_change_note_failure(struct store *store, const struct store_row *row)
{
    struct pg_core *self = pg_core_of(store);
    struct pg_changes *changes = self->changes;
    struct pg_array *note = changes->note;
    int n = 0;
    int r = pg_core_admit(self);

    if (!r)
        r = change_end_stage_if(self, pg_set_has(&changes->noted, row->id) ||
                                          pg_set_has(&changes->buried, row->id) ||
                                          note[0].len >= PG_STAGE_ROWS_MAX);
    if (!r)
        r = pg_stream_places(self, (int64_t)row->id, note, &n);
    for (int i = 0; i < n && !r; i++) {
        r = pg_array_add_int8(&note[2], row->attempts);
        if (!r)
            r = pg_array_add_int8(&note[3], row->tried_ms);
        if (!r)
            r = pg_array_add_bytes(&note[4], row->reason);
    }
    if (!r)
        pg_set_add(&changes->noted, row->id);
    return pg_core_spoil(self, r);
}

int pg_change_bury(struct store *store, const struct store_row *row)
{
    struct pg_core *self = pg_core_of(store);
    int r = pg_core_admit(self);

    if (!r && (row->id == 0 || row->id >= CHANGE_IDS_END))
        r = error_origin(-EINVAL);
    if (!r)
        r = change_add_burial(self, row, NULL);
    self->buries = row->id;
    self->oldest.known = false;
    return pg_core_spoil(self, r);
}
