/* SPDX-License-Identifier: MIT */
/* The SQLite store. */
#include "outbox/store_sqlite.h"

#include <errno.h>

#include "base/error.h"
#include "outbox/sqlite_backup.h"
#include "outbox/sqlite_change.h"
#include "outbox/sqlite_connect.h"
#include "outbox/sqlite_open.h"
#include "outbox/sqlite_place.h"
#include "outbox/sqlite_read.h"
#include "outbox/sqlite_tally.h"
#include "outbox/sqlite_tend.h"
#include "outbox/sqlite_transact.h"

static const struct store_ops store_sqlite_ops = {
    .begin = sqlite_transact_begin,
    .commit = sqlite_transact_commit,
    .rollback = sqlite_transact_rollback,
    .append = sqlite_change_append,
    .deliver = sqlite_change_deliver,
    .count_delivered = sqlite_change_count_delivered,
    .mark_stale = sqlite_change_mark_stale,
    .note_failure = sqlite_change_note_failure,
    .bury = sqlite_change_bury,
    .offer = sqlite_change_offer,
    .take_offer = sqlite_change_take_offer,
    .refuse = sqlite_change_refuse,
    .refuse_model = sqlite_change_refuse_model,
    .discard = sqlite_change_discard,
    .name = sqlite_tally_name,
    .set_id_mark = sqlite_tally_set_id_mark,
    .read = sqlite_read_rows,
    .next_offered_model = sqlite_read_next_offered_model,
    .counts = sqlite_read_counts,
    .tallies = sqlite_tally_read,
    .id_mark = sqlite_read_id_mark,
    .changed = sqlite_read_changed,
    .tend = sqlite_tend,
    .backup = sqlite_backup,
    .close = sqlite_connect_free,
};

int store_sqlite_open(const struct store_options *options, struct store **out)
{
    struct sqlite_core *self = sqlite_connect_new();
    cleanup(sqlite_connect_freep) struct store *store = self ? &self->store : NULL;

    if (!self)
        return error_origin(-ENOMEM);
    self->store.ops = &store_sqlite_ops;
    int r = sqlite_open(options, self);
    if (!r)
        *out = take(store);
    return r;
}

int store_sqlite_check(const struct store_options *options)
{
    cleanup(freep) char *path = NULL;
    int r = sqlite_place_find(options, &path);

    if (!r)
        sqlite_place_warn(path);
    return r;
}
