/* SPDX-License-Identifier: MIT */
/*
 * Damage.
 *
 * A page that meets a damaged row fails as a whole. So it is read again in smaller ones, down to
 * one row. A row whose body alone is damaged is found without bodies. Where even the columns cannot
 * be read, the row is found by its id: the lowest bound up to which a reading fails. Rows of other
 * members with lower ids come first then: what is read is bounded below the damaged row.
 *
 * Every failure is seen twice before a row is given up. Rows behind a damaged index may be well:
 * none is deleted for it.
 */
#include "outbox/pg_mend.h"

#include "base/clock.h"
#include "base/log.h"
#include "outbox/pg_ask.h"
#include "outbox/pg_page.h"
#include "outbox/pg_stream.h"
#include "outbox/pg_suspect.h"
#include "outbox/pg_transact.h"

enum {
    MEND_HOLES_MAX = 1024, /* rows one behind the other that cannot be read, before one gives up */
    MEND_SUSPECTS_MS = 60 * 1000, /* between looks at rows that cannot be removed */
};

struct mend {
    struct pg_core *self;
    struct store_filter part; /* what is read at present: up to the next hole */
    uint64_t upto;            /* the filter's own bound */
    uint64_t hole;            /* a row whose columns cannot be read; 0: none is known */
    uint64_t after;
    int holes;     /* since the last row */
    bool by_index; /* the latest failure was an index's */
    bool missed;   /* a row was left out that was not set aside */
};

/* ---- Setting aside ---- */

static int mend_ask_delete(struct pg_core *self, uint64_t id, struct pg_told *told)
{
    struct pg_array arrays[3] = {{.type = PG_INT8}, {.type = PG_INT8}, {.type = PG_INT8}};
    struct pg_value values[5] = {PG_NUMBER(self->member), PG_NUMBER(self->cycle)};
    int r = pg_stream_places(self, (int64_t)id, arrays, NULL);

    if (!r)
        r = pg_array_add_int8(&arrays[2], (int64_t)id);
    for (size_t i = 0; i < array_len(arrays) && !r; i++)
        r = pg_array_parameter(&arrays[i], &values[2 + i].bytes);
    if (!r)
        r = pg_ask(self, PG_SPOIL, values, array_len(values), pg_stage_take_sums, told);
    for (size_t i = 0; i < array_len(arrays); i++)
        pg_array_done(&arrays[i]);
    return pg_core_spoil(self, r);
}

/* *rows: how many there were. */
static int mend_delete(struct pg_core *self, uint64_t id, int *rows)
{
    struct pg_told told = {0};
    int r = pg_transact_begin(&self->store);

    if (r)
        return r;
    r = pg_ask_begin(self);
    if (!r)
        r = mend_ask_delete(self, id, &told);
    r = store_end(&self->store, r);
    *rows = r ? 0 : told.rows;
    return r;
}

/* Sets the row aside that could not be read. 0, also where that cannot be done; or STORE_AWAY. */
static int mend_set_aside(struct mend *mend, uint64_t id)
{
    struct pg_core *self = mend->self;
    int rows = 0;
    int r = STORE_BROKEN;

    if (self->settings.serves && !mend->by_index) {
        self->muted = true;
        r = mend_delete(self, id, &rows);
        self->muted = false;
    }
    if (r == STORE_AWAY)
        return r;
    if (r) {
        mend->missed = true;
        pg_suspect_add(self, id);
    }
    if (rows == 0)
        return 0;
    self->rows_spoilt++;
    self->mended = true;
    self->oldest.known = false;
    log_error("an event in the outbox was damaged, and has been discarded", "schema",
              self->settings.schema, "id", log_number((int64_t)id));
    return 0;
}

/* ---- Finding ---- */

static int mend_take_id(void *ctx, const struct store_row *row)
{
    *(uint64_t *)ctx = row->id;
    return 0;
}

/* Tries to read the next row without its body, up to a bound. *id: the row's; 0: there is none. */
static int mend_try(const struct mend *mend, uint64_t upto, uint64_t *id)
{
    struct store_filter bare = mend->part;
    uint64_t after = mend->after;
    int rows;

    *id = 0;
    bare.upto = upto;
    bare.bare = true;
    return pg_page_read(mend->self, &bare, 1, &after, &rows, mend_take_id, id);
}

/* Finds the lowest bound up to which a reading meets damage: the id of the row. */
static int mend_find(const struct mend *mend, uint64_t *found)
{
    uint64_t fine = mend->after, width = 1, high = mend->part.upto ? mend->part.upto : INT64_MAX;
    uint64_t id;

    while (high - fine > 1) {
        /* Wider and wider steps up to the first failure, and halves from there. */
        uint64_t middle = width && width < high - fine ? fine + width : fine + (high - fine) / 2;
        int r = mend_try(mend, middle, &id);
        if (r && !pg_core_met_damage(mend->self))
            return r;
        if (r)
            high = middle;
        else
            fine = middle;
        width = r ? 0 : 2 * width;
    }
    *found = high;
    return 0;
}

/* ---- Reading on ---- */

/* The next row cannot be read: passes it, or reads what comes before it first. */
static int mend_pass(struct mend *mend)
{
    uint64_t id;
    int r = mend_try(mend, mend->part.upto, &id);

    if (r == 0 && id == 0) /* it went meanwhile */
        return 0;
    if (r && !pg_core_met_damage(mend->self))
        return r;
    if (r) {
        r = ++mend->holes > MEND_HOLES_MAX ? STORE_BROKEN : mend_find(mend, &id);
        mend->hole = mend->part.upto = id;
        mend->part.upto--;
    } else {
        mend->after = id;
    }
    return r ? r : mend_set_aside(mend, id);
}

/* Nothing is left up to the hole. True: there is more behind that. */
static bool mend_leave_hole(struct mend *mend)
{
    if (!mend->hole)
        return false;
    mend->after = mend->hole;
    mend->part.upto = mend->upto;
    mend->hole = 0;
    return !mend->upto || mend->after < mend->upto;
}

static int mend_read_all(struct mend *mend, uint64_t left, store_row_fn fn, void *ctx)
{
    uint64_t page = PG_PAGE_ROWS;
    bool more = true;
    int r = 0;

    while (!r && more && left > 0) {
        int rows;
        uint64_t rows_max = left < page ? left : page;
        r = pg_page_read(mend->self, &mend->part, rows_max, &mend->after, &rows, fn, ctx);
        left -= (uint64_t)rows;
        if (rows > 0) {
            page = page * 2 < PG_PAGE_ROWS ? page * 2 : PG_PAGE_ROWS;
            mend->holes = 0;
        } else if (!r) {
            more = mend_leave_hole(mend);
        } else if (pg_core_met_damage(mend->self)) {
            mend->by_index = pg_core_met_damaged_index(mend->self);
            r = rows_max > 1 ? 0 : mend_pass(mend);
            page = rows_max > 1 ? rows_max / 2 : 1;
        }
    }
    return r;
}

int pg_mend_read(struct pg_core *self, const struct store_filter *filter, uint64_t after,
                 uint64_t rows_max, store_row_fn fn, void *ctx)
{
    struct mend mend = {.self = self, .part = *filter, .upto = filter->upto, .after = after};
    size_t suspects = self->suspects.len;
    int r = mend_read_all(&mend, rows_max, fn, ctx);

    if (r == STORE_BROKEN && mend.holes > MEND_HOLES_MAX)
        self->suspects.len = suspects; /* no row is at fault */
    return !r && mend.missed && !self->settings.serves ? STORE_BROKEN : r;
}

/* ---- Suspects ---- */

static int mend_ignore_row(void *ctx, const struct store_row *row)
{
    (void)ctx;
    (void)row;
    return 0;
}

/* Looks at the suspects from the one numbered first on. */
static int mend_look(struct pg_core *self, size_t first)
{
    struct pg_suspects looked = self->suspects;
    int r = 0;

    self->suspects.len = first;
    for (size_t i = first; i < looked.len; i++) {
        const struct store_filter one = {
            .last = STORE_FORCED, .after = looked.ids[i] - 1, .upto = looked.ids[i]};
        if (!r)
            r = pg_mend_read(self, &one, one.after, 1, mend_ignore_row, NULL);
        if (r)
            pg_suspect_add(self, one.upto);
    }
    return r == STORE_AWAY ? r : 0;
}

int pg_mend_suspects(struct pg_core *self)
{
    struct pg_suspects *suspects = &self->suspects;
    int64_t now_ms = clock_mono_ms(&clock_system);
    bool all = suspects->known > 0 && now_ms >= suspects->at_ms;
    size_t known = suspects->known;
    int r = 0;

    if (all || suspects->len > known)
        r = mend_look(self, all ? 0 : known);
    if (all || known == 0)
        suspects->at_ms = now_ms + MEND_SUSPECTS_MS;
    suspects->known = suspects->len;
    if (known == 0 && suspects->len > 0)
        log_error("damaged events in the outbox can be neither read nor removed: mend the tables "
                  "or their indexes, and start the relay again",
                  "schema", self->settings.schema, "first", log_number((int64_t)suspects->ids[0]),
                  "events", log_number((int64_t)suspects->len));
    if (r)
        return r;
    return suspects->len > 0 ? STORE_BROKEN : 0;
}
