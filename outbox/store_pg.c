/* SPDX-License-Identifier: MIT */
/* The PostgreSQL store. */
#include "outbox/store_pg.h"

#include <errno.h>

#include "base/error.h"
#include "outbox/pg_change.h"
#include "outbox/pg_connect.h"
#include "outbox/pg_member.h"
#include "outbox/pg_offer.h"
#include "outbox/pg_open.h"
#include "outbox/pg_read.h"
#include "outbox/pg_resume.h"
#include "outbox/pg_role.h"
#include "outbox/pg_run.h"
#include "outbox/pg_schema.h"
#include "outbox/pg_stage.h"
#include "outbox/pg_stream.h"
#include "outbox/pg_takeover.h"
#include "outbox/pg_tally.h"
#include "outbox/pg_tend.h"
#include "outbox/pg_transact.h"
#include "outbox/pg_watch.h"

enum {
    STORE_PG_QUIET_MS = 10 * 1000,
    STORE_PG_BUSY_MS = 60 * 1000, /* as statement_timeout (pg_session.c) */
    STORE_PG_LEASE_MS = 6000,
    STORE_PG_TIMEOUT_MS = 30 * 1000,
};

/* PostgreSQL gives the ids. */
static int store_pg_set_id_mark(struct store *store, uint64_t id)
{
    (void)id;
    return pg_core_admit(pg_core_of(store));
}

static int store_pg_backup(struct store *store, const struct store_backup *backup)
{
    int r = buf_printf(backup->why, "OUTBOX: a database is backed up by pg_dump --schema=%s",
                       pg_core_of(store)->settings.schema);

    return r ? r : STORE_REFUSED;
}

static void store_pg_free(struct pg_core *self)
{
    pg_connect_drop(self);
    pg_stage_done(self);
    pg_tally_done(self);
    pg_stream_done(self);
    for (size_t i = 0; i < PG_STATEMENTS; i++)
        free(self->texts[i]);
    free(self->settings.uri);
    free(self->settings.schema);
    free(self->settings.name);
    free(self->settings.convex_url);
    free(self->refusal);
    free(self->awaited);
    buf_done(&self->trouble);
    free(self);
}

static struct store *store_pg_close(struct store *store)
{
    struct pg_core *self = store ? pg_core_of(store) : NULL;

    if (!self)
        return NULL;
    if (self->opened)
        pg_transact_rollback(store);
    if (self->conn)
        pg_member_leave(self);
    store_pg_free(self);
    return NULL;
}

static const struct store_ops store_pg_ops = {
    .begin = pg_transact_begin,
    .commit = pg_transact_commit,
    .rollback = pg_transact_rollback,
    .append = pg_change_append,
    .deliver = pg_change_deliver,
    .count_delivered = pg_change_count_delivered,
    .mark_stale = pg_change_mark_stale,
    .note_failure = pg_change_note_failure,
    .bury = pg_change_bury,
    .offer = pg_offer_offer,
    .take_offer = pg_offer_take,
    .refuse = pg_offer_refuse,
    .refuse_model = pg_offer_refuse_model,
    .discard = pg_offer_discard,
    .name = pg_tally_name,
    .set_id_mark = store_pg_set_id_mark,
    .read = pg_read_rows,
    .next_offered_model = pg_offer_next_model,
    .counts = pg_tally_counts,
    .tallies = pg_tally_tallies,
    .id_mark = pg_read_id_mark,
    .changed = pg_tally_changed,
    .tend = pg_tend,
    .backup = store_pg_backup,
    .resume = pg_resume,
    .adopt = pg_takeover_adopt,
    .close = store_pg_close,
};

/* ---- Opening ---- */

static int open_copy(const char *from, char **to)
{
    *to = from ? strdup(from) : NULL;
    return from && !*to ? error_origin(-ENOMEM) : 0;
}

static int open_settings(const struct store_options *options, struct pg_settings *settings)
{
    settings->max_bytes = options->max_bytes;
    settings->lease_ms = options->lease_ms ? options->lease_ms : STORE_PG_LEASE_MS;
    settings->timeout_ms = options->timeout_ms ? options->timeout_ms : STORE_PG_TIMEOUT_MS;
    settings->serves = options->mode == STORE_SERVE;
    settings->warn = options->warn;
    int r = open_copy(options->uri, &settings->uri);
    if (!r)
        r = open_copy(options->schema ? options->schema : "convex_relay", &settings->schema);
    if (!r)
        r = open_copy(options->name ? options->name : "", &settings->name);
    return r ? r : open_copy(options->convex_url, &settings->convex_url);
}

static int open_texts(struct pg_core *self)
{
    for (int i = 0; i < PG_STATEMENTS; i++) {
        self->texts[i] =
            pg_run_text(self->settings.schema, pg_statement_text((enum pg_statement)i));
        if (!self->texts[i])
            return error_origin(-ENOMEM);
        pg_run_name(self->texts[i], self->names[i]);
    }
    return 0;
}

static int open_new(const struct store_options *options, struct pg_core **out)
{
    struct pg_core *self = calloc(1, sizeof(*self));

    if (!self)
        return error_origin(-ENOMEM);
    self->store = (struct store){.ops = &store_pg_ops, .journal = true};
    self->quiet_ms = STORE_PG_QUIET_MS;
    self->busy_ms = STORE_PG_BUSY_MS;
    self->is_at_work = pg_watch_is_at_work;
    int r = open_settings(options, &self->settings);
    if (!r)
        r = open_texts(self);
    if (!r)
        r = pg_stage_init(self);
    if (r)
        store_pg_free(self);
    else
        *out = self;
    return r;
}

int store_pg_open(const struct store_options *options, struct store **out)
{
    struct pg_core *self = NULL;
    int r = open_new(options, &self);

    if (r)
        return r;
    r = pg_open(self, options->why);
    if (r == STORE_AWAY) { /* resume() opens it */
        (void)pg_core_lose(self, "PostgreSQL cannot be reached");
        self->unopened = true;
        r = 0;
    }
    if (r)
        (void)store_pg_close(&self->store);
    else
        *out = &self->store;
    return r;
}
