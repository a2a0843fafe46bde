/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/memory_store.h"

static struct memory_store *memory_store_of(struct store *store)
{
    return (struct memory_store *)store;
}

struct store_row *memory_store_find(struct memory_store *self, uint64_t id)
{
    for (size_t i = 0; i < self->now.len; i++)
        if (self->now.rows[i].id == id)
            return &self->now.rows[i];
    return NULL;
}

static int memory_store_begin(struct store *store)
{
    struct memory_store *self = memory_store_of(store);

    if (self->fail_begin)
        return self->fail_begin;
    self->before = self->now;
    self->open = true;
    self->changes = 0;
    self->begun++;
    return 0;
}

static void memory_store_rollback(struct store *store)
{
    struct memory_store *self = memory_store_of(store);

    self->now = self->before;
    self->open = false;
}

static int memory_store_commit(struct store *store)
{
    struct memory_store *self = memory_store_of(store);

    if (self->fail_commit && self->committed >= self->fail_after) {
        memory_store_rollback(store);
        return self->fail_commit;
    }
    self->open = false;
    self->committed++;
    if (self->changes > self->changes_max)
        self->changes_max = self->changes;
    if (self->on_commit)
        self->on_commit(self);
    return 0;
}

static int memory_store_dead(struct memory_store *self, uint64_t id, struct store_row **row)
{
    if (!self->open)
        abort();
    if (self->fail_change && self->changes >= self->fail_change_after)
        return self->fail_change;
    *row = memory_store_find(self, id);
    if (!*row || (*row)->state != STORE_DEAD)
        return STORE_MISSING;
    return 0;
}

static int memory_store_replay(struct store *store, uint64_t id, bool force)
{
    struct memory_store *self = memory_store_of(store);
    struct store_row *row;
    int r = memory_store_dead(self, id, &row);

    if (r)
        return r;
    if (row->stale && !force)
        return STORE_STALE;
    row->state = force ? STORE_FORCED : STORE_OFFERED;
    self->changes++;
    return 0;
}

static int memory_store_discard(struct store *store, uint64_t id)
{
    struct memory_store *self = memory_store_of(store);
    struct store_row *row;
    int r = memory_store_dead(self, id, &row);

    if (r)
        return r;
    size_t behind = (size_t)(&self->now.rows[self->now.len] - (row + 1));
    memmove(row, row + 1, behind * sizeof(*row));
    self->now.len--;
    self->changes++;
    return 0;
}

static int memory_store_read(struct store *store, const struct store_filter *filter,
                             store_row_fn fn, void *ctx)
{
    struct memory_store *self = memory_store_of(store);
    uint64_t given = 0;
    int r = self->fail_read;

    for (size_t i = 0; !r && i < self->now.len; i++) {
        struct store_row row = self->now.rows[i];
        if (row.id <= filter->after || row.state < filter->first || row.state > filter->last ||
            (filter->model.at && !(row.model.at && span_eq(row.model, filter->model))))
            continue;
        if (filter->rows_max && given++ == filter->rows_max)
            break;
        if (filter->bare)
            row.body = SPAN_NULL;
        r = fn(ctx, &row);
    }
    return r;
}

static int memory_store_counts(struct store *store, struct store_counts *counts)
{
    struct memory_store *self = memory_store_of(store);

    if (self->fail_read)
        return self->fail_read;
    *counts = self->counts;
    return 0;
}

static int memory_store_id_mark(struct store *store, uint64_t *id)
{
    struct memory_store *self = memory_store_of(store);

    *id = self->now.len ? self->now.rows[self->now.len - 1].id : 0;
    return 0;
}

static int memory_store_backup(struct store *store, const struct store_backup *backup)
{
    return memory_store_of(store)->on_backup(backup);
}

static struct store *memory_store_close(struct store *store)
{
    memory_store_of(store)->closed++;
    return NULL;
}

static const struct store_ops memory_store_ops = {
    .begin = memory_store_begin,
    .commit = memory_store_commit,
    .rollback = memory_store_rollback,
    .offer = memory_store_replay,
    .discard = memory_store_discard,
    .read = memory_store_read,
    .counts = memory_store_counts,
    .id_mark = memory_store_id_mark,
    .backup = memory_store_backup,
    .close = memory_store_close,
};

void memory_store_reset(struct memory_store *self)
{
    memset(self, 0, sizeof(*self));
    self->store.ops = &memory_store_ops;
}

static int memory_store_adopt(struct store *store, uint64_t *buried)
{
    struct memory_store *self = memory_store_of(store);

    *buried = self->adopted;
    return self->fail_adopt;
}

void memory_store_make_journal(struct memory_store *self)
{
    self->journal_ops = memory_store_ops;
    self->journal_ops.adopt = memory_store_adopt;
    self->store = (struct store){&self->journal_ops, .journal = true};
}

void memory_store_add(struct memory_store *self, struct store_row row)
{
    if (self->now.len == MEMORY_STORE_ROWS)
        abort();
    self->now.rows[self->now.len++] = row;
}
