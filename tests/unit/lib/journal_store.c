/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/journal_store.h"

#include <stdlib.h>

static struct journal_store *journal_of(struct store *store)
{
    return (struct journal_store *)store;
}

static int journal_is_away(struct journal_store *self)
{
    return atomic_load(&self->away) ? STORE_AWAY : 0;
}

/* ---- transactions ---- */

static void journal_rollback(struct store *store)
{
    struct journal_store *self = journal_of(store);

    if (self->begun)
        self->inner->ops->rollback(self->inner);
    self->begun = false;
    self->len = self->made = 0;
}

static int journal_begin(struct store *store)
{
    struct journal_store *self = journal_of(store);
    int r = atomic_exchange(&self->blinks, false) ? STORE_AWAY : journal_is_away(self);

    if (!r)
        r = self->inner->ops->begin(self->inner);
    self->begun = !r;
    self->len = self->made = 0;
    return r;
}

/* Makes the appends that were put off. */
static int journal_flush(struct journal_store *self)
{
    uint64_t place = JOURNAL_BATCH;
    int r = 0;

    for (; !r && self->begun && self->made < self->len; self->made++) {
        struct store_row row = *self->rows[self->made];
        if (row.id)
            abort(); /* a journal wants none */
        if (place == JOURNAL_BATCH) {
            self->batch++;
            place = 0;
        }
        if (row.body.len == atomic_load(&self->refused_len))
            return atomic_load(&self->refusal) ? atomic_load(&self->refusal) : STORE_REFUSED;
        row.id = self->ids[self->made] = self->batch * JOURNAL_BATCH + place++;
        r = self->inner->ops->append(self->inner, &row);
    }
    return r;
}

static void journal_tell_ids(struct journal_store *self)
{
    for (size_t i = 0; i < self->made; i++)
        self->rows[i]->id = self->ids[i];
    self->made = self->len = 0;
}

static int journal_end(struct journal_store *self)
{
    int r = journal_flush(self);

    if (!r)
        r = self->inner->ops->set_id_mark(self->inner, (self->batch + 1) * JOURNAL_BATCH - 1);
    if (r) {
        self->inner->ops->rollback(self->inner);
        return r;
    }
    return self->inner->ops->commit(self->inner);
}

static int journal_commit(struct store *store)
{
    struct journal_store *self = journal_of(store);
    bool going = atomic_load(&self->going) && atomic_fetch_sub(&self->commits_left, 1) <= 0;
    int r = journal_is_away(self);

    self->committed = false;
    if (r || (going && atomic_load(&self->end) != JOURNAL_COMMITS)) {
        self->inner->ops->rollback(self->inner);
        r = STORE_AWAY;
    } else {
        r = journal_end(self);
        self->committed = !r;
        if (!r && !going)
            journal_tell_ids(self);
        else if (!r)
            r = STORE_AWAY;
    }
    self->begun = false;
    if (r == STORE_AWAY) {
        atomic_store(&self->away, true);
        atomic_fetch_add(&self->doubts, 1);
    }
    return r;
}

static int journal_resume(struct store *store, bool *committed)
{
    struct journal_store *self = journal_of(store);

    atomic_fetch_add(&self->resumes, 1);
    store->renews = false;
    if (journal_is_away(self)) {
        store->why_away = "connection refused";
        return atomic_load(&self->taken_over) ? STORE_BUSY : STORE_AWAY;
    }
    *committed = self->committed;
    if (self->committed)
        journal_tell_ids(self);
    return 0;
}

/* ---- changes ---- */

static int journal_begin_change(struct journal_store *self)
{
    if (atomic_load(&self->going) && atomic_load(&self->end) == JOURNAL_BREAKS)
        atomic_store(&self->away, true);
    return journal_is_away(self);
}

static int journal_append(struct store *store, struct store_row *row)
{
    struct journal_store *self = journal_of(store);
    int r = journal_begin_change(self);

    if (r)
        return r;
    if (self->len == JOURNAL_ROWS_MAX)
        abort();
    self->rows[self->len++] = row;
    return 0;
}

/* For readings, which see what was put off. */
static int journal_ready(struct journal_store *self)
{
    int r = journal_is_away(self);

    return r ? r : journal_flush(self);
}

static int journal_change(struct journal_store *self)
{
    int r = journal_begin_change(self);

    return r ? r : journal_flush(self);
}

static int journal_deliver(struct store *store, const struct store_row *row, bool unstored)
{
    struct journal_store *self = journal_of(store);
    int r = journal_change(self);

    if (unstored)
        abort(); /* everything is stored first */
    if (!r)
        r = self->inner->ops->deliver(self->inner, row, unstored);
    return r == STORE_MISSING ? 0 : r;
}

static int journal_count_delivered(struct store *store, struct span model, uint64_t n)
{
    (void)store, (void)model, (void)n;
    abort();
}

static int journal_mark_stale(struct store *store, uint64_t id, struct span model,
                              struct span record)
{
    (void)store, (void)id, (void)model, (void)record;
    abort();
}

static int journal_note_failure(struct store *store, const struct store_row *row)
{
    struct journal_store *self = journal_of(store);
    int r = journal_change(self);

    return r ? r : self->inner->ops->note_failure(self->inner, row);
}

static int journal_bury(struct store *store, const struct store_row *row)
{
    struct journal_store *self = journal_of(store);
    int r = journal_change(self);

    if (!row->id)
        abort(); /* an append */
    return r ? r : self->inner->ops->bury(self->inner, row);
}

static int journal_offer(struct store *store, uint64_t id, bool force)
{
    struct journal_store *self = journal_of(store);
    int r = journal_change(self);

    return r ? r : self->inner->ops->offer(self->inner, id, force);
}

static int journal_note_state(void *ctx, const struct store_row *row)
{
    *(enum store_state *)ctx = row->state;
    return 0;
}

static int journal_take_offer(struct store *store, uint64_t id, uint64_t *new_id, int64_t since_ms)
{
    struct journal_store *self = journal_of(store);
    const struct store_filter filter = {
        .first = STORE_FORCED, .last = STORE_FORCED, .after = id - 1, .upto = id, .bare = true};
    enum store_state state = STORE_OFFERED;
    int r = journal_change(self);

    if (!r)
        r = self->inner->ops->read(self->inner, &filter, journal_note_state, &state);
    if (r)
        return r;
    *new_id = state == STORE_FORCED ? ++self->batch * JOURNAL_BATCH : id;
    return self->inner->ops->take_offer(self->inner, id, new_id, since_ms);
}

static int journal_refuse(struct store *store, uint64_t id, struct span why)
{
    struct journal_store *self = journal_of(store);
    int r = journal_change(self);

    return r ? r : self->inner->ops->refuse(self->inner, id, why);
}

static int journal_refuse_model(struct store *store, struct span model, struct span why,
                                uint64_t rows_max, uint64_t *refused)
{
    struct journal_store *self = journal_of(store);
    int r = journal_change(self);

    return r ? r : self->inner->ops->refuse_model(self->inner, model, why, rows_max, refused);
}

static int journal_discard(struct store *store, uint64_t id)
{
    struct journal_store *self = journal_of(store);
    int r = journal_change(self);

    return r ? r : self->inner->ops->discard(self->inner, id);
}

static int journal_name(struct store *store, struct span model)
{
    struct journal_store *self = journal_of(store);
    int r = journal_change(self);

    return r ? r : self->inner->ops->name(self->inner, model);
}

static int journal_set_id_mark(struct store *store, uint64_t id)
{
    (void)store, (void)id;
    abort(); /* it gives the ids */
}

/* ---- readings ---- */

static int journal_read(struct store *store, const struct store_filter *filter, store_row_fn fn,
                        void *ctx)
{
    struct journal_store *self = journal_of(store);
    int r = journal_ready(self);

    return r ? r : self->inner->ops->read(self->inner, filter, fn, ctx);
}

static int journal_next_offered_model(struct store *store, struct span after, struct buf *model)
{
    struct journal_store *self = journal_of(store);
    int r = journal_ready(self);

    return r ? r : self->inner->ops->next_offered_model(self->inner, after, model);
}

static int journal_counts(struct store *store, struct store_counts *counts)
{
    struct journal_store *self = journal_of(store);
    int r = journal_ready(self);

    return r ? r : self->inner->ops->counts(self->inner, counts);
}

static int journal_tallies(struct store *store, store_tally_fn fn, void *ctx)
{
    struct journal_store *self = journal_of(store);
    int r = journal_ready(self);

    return r ? r : self->inner->ops->tallies(self->inner, fn, ctx);
}

static int journal_id_mark(struct store *store, uint64_t *id)
{
    struct journal_store *self = journal_of(store);

    return self->inner->ops->id_mark(self->inner, id);
}

static int journal_changed(struct store *store, bool *changed)
{
    struct journal_store *self = journal_of(store);
    int r = journal_is_away(self);

    return r ? r : self->inner->ops->changed(self->inner, changed);
}

static int journal_tend(struct store *store, bool *mended)
{
    struct journal_store *self = journal_of(store);
    int r = journal_is_away(self);

    return r ? r : self->inner->ops->tend(self->inner, mended);
}

static int journal_backup(struct store *store, const struct store_backup *backup)
{
    struct store *inner = journal_of(store)->inner;

    return inner->ops->backup(inner, backup);
}

static struct store *journal_close(struct store *store)
{
    struct journal_store *self = journal_of(store);

    self->inner = self->inner->ops->close(self->inner);
    return NULL;
}

static const struct store_ops journal_store_ops = {
    .begin = journal_begin,
    .commit = journal_commit,
    .rollback = journal_rollback,
    .append = journal_append,
    .deliver = journal_deliver,
    .count_delivered = journal_count_delivered,
    .mark_stale = journal_mark_stale,
    .note_failure = journal_note_failure,
    .bury = journal_bury,
    .offer = journal_offer,
    .take_offer = journal_take_offer,
    .refuse = journal_refuse,
    .refuse_model = journal_refuse_model,
    .discard = journal_discard,
    .name = journal_name,
    .set_id_mark = journal_set_id_mark,
    .read = journal_read,
    .next_offered_model = journal_next_offered_model,
    .counts = journal_counts,
    .tallies = journal_tallies,
    .id_mark = journal_id_mark,
    .changed = journal_changed,
    .tend = journal_tend,
    .backup = journal_backup,
    .resume = journal_resume,
    .close = journal_close,
};

int journal_store_init(struct journal_store *self, struct store *inner)
{
    uint64_t mark;
    int r = inner->ops->id_mark(inner, &mark);

    if (r)
        return r;
    *self = (struct journal_store){
        .store = {.ops = &journal_store_ops, .journal = true, .why_away = "no route to host"},
        .inner = inner,
        .batch = (mark < OUTBOX_IDS_FROM ? OUTBOX_IDS_FROM - 1 : mark) / JOURNAL_BATCH,
    };
    return 0;
}

void journal_store_go(struct journal_store *self, enum journal_end end)
{
    atomic_store(&self->end, (int)end);
    atomic_store(&self->going, true);
    if (end == JOURNAL_GOES)
        atomic_store(&self->away, true);
}

void journal_store_come_back(struct journal_store *self)
{
    atomic_store(&self->going, false);
    atomic_store(&self->commits_left, 0);
    atomic_store(&self->away, false);
}
