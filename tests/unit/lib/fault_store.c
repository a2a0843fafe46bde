/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/fault_store.h"

static struct fault_store *fault_store_of(struct store *store)
{
    return (struct fault_store *)store;
}

/* Counts a call. 0, or what it is to fail with. */
static int fault_store_call(struct store *store, enum fault_call call)
{
    struct fault_store *self = fault_store_of(store);

    atomic_fetch_add(&self->calls[call], 1);
    if (call != FAULT_READ && atomic_load(&self->statements) > 0 &&
        atomic_fetch_sub(&self->statements, 1) == 1)
        atomic_store(&self->crashed, true);
    return atomic_load(&self->crashed) ? STORE_BROKEN : atomic_load(&self->results[call]);
}

void fault_store_crash_before(struct fault_store *self, int n)
{
    atomic_store(&self->crashed, false);
    atomic_store(&self->statements, n);
}

bool fault_store_has_crashed(struct fault_store *self)
{
    return atomic_load(&self->crashed);
}

static int fault_store_begin(struct store *store)
{
    struct fault_store *self = fault_store_of(store);
    int r = fault_store_call(store, FAULT_BEGIN);

    self->spoilt = 0;
    return r ? r : self->inner->ops->begin(self->inner);
}

static void fault_store_rollback(struct store *store)
{
    struct fault_store *self = fault_store_of(store);

    self->inner->ops->rollback(self->inner);
}

static int fault_store_commit(struct store *store)
{
    struct fault_store *self = fault_store_of(store);
    bool crashed = atomic_load(&self->crashed);
    int r = fault_store_call(store, FAULT_COMMIT);

    if (!crashed && atomic_load(&self->crashed) && atomic_load(&self->commits)) {
        (void)self->inner->ops->commit(self->inner); /* nobody will hear of that */
        return r;
    }
    if (atomic_load(&self->held)) {
        (void)sem_post(&self->inside);
        (void)sem_wait(&self->let_go);
    }
    if (!r)
        r = self->spoilt;
    if (r)
        fault_store_rollback(store);
    return r ? r : self->inner->ops->commit(self->inner);
}

static bool fault_store_refuses(struct fault_store *self, const struct store_row *row)
{
    long long arrived_ms = atomic_load(&self->refused_arrived_ms);

    return (row->id && row->id == atomic_load(&self->refused_id)) ||
           (arrived_ms && row->arrived_ms == arrived_ms);
}

static int fault_store_append(struct store *store, struct store_row *row)
{
    struct fault_store *self = fault_store_of(store);
    int r = fault_store_call(store, FAULT_APPEND);

    if (!r && fault_store_refuses(self, row)) {
        self->spoilt = atomic_load(&self->refused_with);
        r = atomic_load(&self->refused_late) ? 0 : self->spoilt;
    }
    return r ? r : self->inner->ops->append(self->inner, row);
}

static int fault_store_deliver(struct store *store, const struct store_row *row, bool unstored)
{
    struct fault_store *self = fault_store_of(store);
    int r = fault_store_call(store, FAULT_DELIVERED);

    if (!r && row->record.at) /* which may have letters to be marked */
        r = fault_store_call(store, FAULT_MARK_STALE);
    return r ? r : self->inner->ops->deliver(self->inner, row, unstored);
}

static int fault_store_mark_stale(struct store *store, uint64_t id, struct span model,
                                  struct span record)
{
    struct fault_store *self = fault_store_of(store);
    int r = fault_store_call(store, FAULT_MARK_STALE);

    return r ? r : self->inner->ops->mark_stale(self->inner, id, model, record);
}

static int fault_store_read(struct store *store, const struct store_filter *filter, store_row_fn fn,
                            void *ctx)
{
    struct fault_store *self = fault_store_of(store);
    int r = fault_store_call(store, FAULT_READ);

    return r ? r : self->inner->ops->read(self->inner, filter, fn, ctx);
}

static int fault_store_bury(struct store *store, const struct store_row *row)
{
    struct fault_store *self = fault_store_of(store);
    int r = fault_store_call(store, FAULT_BURY);

    return r ? r : self->inner->ops->bury(self->inner, row);
}

static int fault_store_count_delivered(struct store *store, struct span model, uint64_t n)
{
    struct store *inner = fault_store_of(store)->inner;

    return inner->ops->count_delivered(inner, model, n);
}

static int fault_store_note_failure(struct store *store, const struct store_row *row)
{
    struct store *inner = fault_store_of(store)->inner;

    return inner->ops->note_failure(inner, row);
}

static int fault_store_replay(struct store *store, uint64_t id, bool force)
{
    struct store *inner = fault_store_of(store)->inner;

    return inner->ops->offer(inner, id, force);
}

static int fault_store_take_offer(struct store *store, uint64_t id, uint64_t *new_id,
                                  int64_t since_ms)
{
    struct fault_store *self = fault_store_of(store);
    int r = fault_store_call(store, FAULT_TAKE);

    return r ? r : self->inner->ops->take_offer(self->inner, id, new_id, since_ms);
}

static int fault_store_refuse(struct store *store, uint64_t id, struct span reason)
{
    struct store *inner = fault_store_of(store)->inner;

    return inner->ops->refuse(inner, id, reason);
}

static int fault_store_refuse_model(struct store *store, struct span model, struct span reason,
                                    uint64_t rows_max, uint64_t *refused)
{
    struct store *inner = fault_store_of(store)->inner;

    return inner->ops->refuse_model(inner, model, reason, rows_max, refused);
}

static int fault_store_name(struct store *store, struct span model)
{
    struct store *inner = fault_store_of(store)->inner;

    return inner->ops->name(inner, model);
}

static int fault_store_set_id_mark(struct store *store, uint64_t id)
{
    struct store *inner = fault_store_of(store)->inner;

    return inner->ops->set_id_mark(inner, id);
}

static int fault_store_next_offered_model(struct store *store, struct span after, struct buf *model)
{
    struct store *inner = fault_store_of(store)->inner;

    return inner->ops->next_offered_model(inner, after, model);
}

static int fault_store_tallies(struct store *store, store_tally_fn fn, void *ctx)
{
    struct store *inner = fault_store_of(store)->inner;

    return inner->ops->tallies(inner, fn, ctx);
}

static int fault_store_discard(struct store *store, uint64_t id)
{
    struct store *inner = fault_store_of(store)->inner;

    return inner->ops->discard(inner, id);
}

static int fault_store_counts(struct store *store, struct store_counts *counts)
{
    struct store *inner = fault_store_of(store)->inner;

    return inner->ops->counts(inner, counts);
}

static int fault_store_id_mark(struct store *store, uint64_t *id)
{
    struct store *inner = fault_store_of(store)->inner;

    return inner->ops->id_mark(inner, id);
}

static int fault_store_changed(struct store *store, bool *changed)
{
    struct store *inner = fault_store_of(store)->inner;

    return inner->ops->changed(inner, changed);
}

static int fault_store_tend(struct store *store, bool *mended)
{
    struct fault_store *self = fault_store_of(store);
    int r = self->inner->ops->tend(self->inner, mended);

    *mended |= atomic_exchange(&self->mends, false);
    return r;
}

static int fault_store_backup(struct store *store, const struct store_backup *backup)
{
    struct store *inner = fault_store_of(store)->inner;

    return inner->ops->backup(inner, backup);
}

static int fault_store_resume(struct store *store, bool *committed)
{
    struct store *inner = fault_store_of(store)->inner;

    int r = inner->ops->resume(inner, committed);
    store->why_away = inner->why_away;
    store->renews = inner->renews;
    return r;
}

static struct store *fault_store_close(struct store *store)
{
    struct fault_store *self = fault_store_of(store);

    self->inner = self->inner->ops->close(self->inner);
    return NULL;
}

static const struct store_ops fault_store_ops = {
    .begin = fault_store_begin,
    .commit = fault_store_commit,
    .rollback = fault_store_rollback,
    .append = fault_store_append,
    .deliver = fault_store_deliver,
    .count_delivered = fault_store_count_delivered,
    .mark_stale = fault_store_mark_stale,
    .note_failure = fault_store_note_failure,
    .bury = fault_store_bury,
    .offer = fault_store_replay,
    .take_offer = fault_store_take_offer,
    .refuse = fault_store_refuse,
    .refuse_model = fault_store_refuse_model,
    .name = fault_store_name,
    .set_id_mark = fault_store_set_id_mark,
    .next_offered_model = fault_store_next_offered_model,
    .tallies = fault_store_tallies,
    .discard = fault_store_discard,
    .read = fault_store_read,
    .counts = fault_store_counts,
    .id_mark = fault_store_id_mark,
    .changed = fault_store_changed,
    .tend = fault_store_tend,
    .backup = fault_store_backup,
    .resume = fault_store_resume,
    .close = fault_store_close,
};

void fault_store_init(struct fault_store *self, struct store *inner)
{
    *self = (struct fault_store){.store = *inner, .inner = inner};
    self->store.ops = &fault_store_ops;
    (void)sem_init(&self->inside, 0, 0);
    (void)sem_init(&self->let_go, 0, 0);
}

void fault_store_set(struct fault_store *self, enum fault_call call, int r)
{
    atomic_store(&self->results[call], r);
}

void fault_store_hold(struct fault_store *self)
{
    atomic_store(&self->held, true);
}

void fault_store_await(struct fault_store *self)
{
    while (sem_wait(&self->inside) != 0)
        ;
}

void fault_store_let_go(struct fault_store *self)
{
    atomic_store(&self->held, false);
    (void)sem_post(&self->let_go);
}
