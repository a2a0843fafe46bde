/* SPDX-License-Identifier: MIT */
/*
 * Becoming the member that sends.
 *
 * A member whose session is gone is gone. Otherwise its beat tells: one that moves belongs to a
 * relay that serves; one that does not move for a fifth longer than its lease, by this machine's
 * clock alone, belongs to none.
 */
#include "outbox/pg_takeover.h"

#include <poll.h>

#include "base/clock.h"
#include "base/log.h"
#include "outbox/pg_member.h"
#include "outbox/pg_run.h"
#include "outbox/pg_schema.h"
#include "outbox/pg_stream.h"

enum {
    TAKEOVER_LOOK_MS = 100,
    TAKEOVER_PATIENCE = 60, /* times: a copy with many events takes its time */
};

static int takeover_busy(struct buf *why, struct pg_sender *sender, const char *schema)
{
    const char *name = buf_string(&sender->name);
    int r = buf_printf(why, "OUTBOX: the schema %s is in use by another relay%s%s", schema,
                       name && *name ? ": " : "", name ? name : "");

    return r ? r : STORE_BUSY;
}

/* Waits until the sender is gone. *member: whom to close; 0: nobody sends. */
static int takeover_wait(struct pg_core *self, int64_t *member, struct buf *why)
{
    struct pg_sender sender;
    int64_t beat = -1, since_ms = clock_mono_ms(&clock_system);
    int r;

    for (;;) {
        r = pg_member_sender(self, &sender);
        *member = r ? 0 : sender.member;
        if (r || !sender.member || !sender.here)
            break;
        if (beat >= 0 && sender.beat != beat) {
            r = takeover_busy(why, &sender, self->settings.schema);
            break;
        }
        beat = sender.beat;
        if (clock_mono_ms(&clock_system) - since_ms > sender.lease_ms + sender.lease_ms / 5)
            break;
        buf_done(&sender.name);
        (void)poll(NULL, 0, TAKEOVER_LOOK_MS);
    }
    buf_done(&sender.name);
    return r;
}

/* In the transaction at hand: what was pending in a restored copy becomes letters. */
static int takeover_at_home(struct pg_core *self, int64_t *buried)
{
    struct pg_meta meta;
    int r = pg_schema_read(self, true, &meta);

    *buried = -1;
    if (r || meta.at_home)
        return r;
    self->quiet_ms *= TAKEOVER_PATIENCE;
    r = pg_schema_restore(self, buried);
    self->quiet_ms /= TAKEOVER_PATIENCE;
    return r;
}

/* By itself: a damaged event, which a member may have, must keep no relay from serving. */
static int takeover_tidy(struct pg_core *self)
{
    self->reads = true;
    int r = pg_member_tidy(self);
    self->reads = false;

    return r == STORE_BROKEN && pg_core_met_damage(self) ? 0 : r;
}

static int takeover_try(struct pg_core *self, int64_t member, int64_t *buried)
{
    int r = pg_run_sql(self, pg_statement_text(PG_BEGIN), NULL, 0, NULL, NULL);

    if (!r)
        r = takeover_at_home(self, buried);
    if (!r && member)
        r = pg_member_close(self, member);
    if (!r)
        r = pg_member_join(self);
    if (!r)
        r = pg_member_send(self);
    if (!r)
        r = pg_stream_raise(self);
    int end = pg_run_sql(self, r ? "ROLLBACK" : "COMMIT", NULL, 0, NULL, NULL);
    if (r || end)
        return r ? r : end;
    return takeover_tidy(self);
}

int pg_takeover(struct pg_core *self, struct buf *why)
{
    int64_t member = 0, buried = -1;
    int r = takeover_wait(self, &member, why);

    if (!r)
        r = takeover_try(self, member, &buried);
    if (!r && buried >= 0)
        log_warn("the outbox was restored from a backup: what was pending is now dead letters; "
                 "replay what Convex lacks",
                 "schema", self->settings.schema, "events", log_number(buried));
    return r;
}

int pg_takeover_adopt(struct store *store, uint64_t *buried)
{
    struct pg_core *self = pg_core_of(store);
    struct pg_meta meta;
    int64_t letters = 0;
    int r = pg_run_sql(self, pg_statement_text(PG_BEGIN), NULL, 0, NULL, NULL);

    self->quiet_ms *= TAKEOVER_PATIENCE;
    if (!r)
        r = pg_schema_read(self, true, &meta);
    if (!r)
        r = pg_schema_restore(self, &letters);
    int end = pg_run_sql(self, r ? "ROLLBACK" : "COMMIT", NULL, 0, NULL, NULL);
    self->quiet_ms /= TAKEOVER_PATIENCE;
    if (r || end)
        return r ? r : end;
    *buried = (uint64_t)letters;
    return 0;
}
