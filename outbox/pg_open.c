/* SPDX-License-Identifier: MIT */
/*
 * Opening a store.
 *
 * A relay starts though the database is away: what comes meanwhile waits, and the store is opened
 * by the first resume() that finds the database. A database that answers, and refuses the relay, is
 * for people to mend: it ends a start, but not a relay that serves already.
 */
#include "outbox/pg_open.h"

#include <string.h>

#include "base/log.h"
#include "outbox/pg_check.h"
#include "outbox/pg_connect.h"
#include "outbox/pg_member.h"
#include "outbox/pg_role.h"
#include "outbox/pg_run.h"
#include "outbox/pg_schema.h"
#include "outbox/pg_stream.h"
#include "outbox/pg_takeover.h"
#include "outbox/pg_tally.h"

static void open_warn(void *ctx, enum pg_check_finding kind, const char *line)
{
    const struct pg_core *self = ctx;

    if (kind != PG_CHECK_NOTE)
        self->settings.warn(line);
}

/* Once in the life of a store. */
static int open_look(struct pg_core *self, struct buf *why)
{
    const struct store_options options = {
        .uri = self->settings.uri, .schema = self->settings.schema, .why = why};
    const size_t before = why->len;
    bool holds = false;

    if (!self->settings.warn || self->looked)
        return 0;
    int r = pg_check(&options, open_warn, self, &holds);
    if (r == STORE_BUSY) { /* it went away, or has no connection left */
        (void)pg_core_lose(self, buf_string(why) + before);
        why->len = before;
        return STORE_AWAY;
    }
    self->looked = r == 0;
    return r;
}

/* Brings the tables up to date, where this store serves, and looks whether they are for it. */
static int open_schema(struct pg_core *self, struct buf *why)
{
    struct pg_meta meta;
    int r = pg_schema_check_server(self, why);

    if (!r && self->settings.serves)
        r = pg_schema_migrate(self, why);
    if (!r && self->settings.serves)
        r = pg_role_set(self);
    if (!r)
        r = pg_schema_read(self, false, &meta);
    return r ? r : pg_schema_judge(self, &meta, why);
}

static int open_all(struct pg_core *self, struct buf *why)
{
    int r = open_look(self, why);

    if (!r)
        r = open_schema(self, why);
    if (!r && self->settings.serves)
        r = pg_takeover(self, why);
    if (!r)
        r = pg_stream_load(self);
    if (!r)
        r = pg_tally_load(self);
    self->others_seen = self->others;
    return r;
}

/* A line for a failure that has none. */
static int open_tell(struct pg_core *self, const char *what, struct buf *why)
{
    const char *trouble = buf_string(&self->trouble);
    int r = buf_printf(why, "OUTBOX: PostgreSQL %s: %s", what, trouble ? trouble : "");

    return r ? r : STORE_BUSY;
}

int pg_open(struct pg_core *self, struct buf *why)
{
    const size_t before = why->len;
    int r = pg_connect(self);

    if (r == STORE_REFUSED) {
        r = buf_printf(why, "OUTBOX: is no URI that libpq can read");
        return r ? r : STORE_REFUSED;
    }
    if (r == STORE_AWAY && self->settings.serves && pg_connect_is_refused(self))
        return open_tell(self, "refuses the relay", why);
    if (!r)
        r = open_all(self, why);
    if (r <= 0)
        return r;
    if (r == STORE_AWAY && self->settings.serves)
        return r;
    if (why->len > before && (r == STORE_REFUSED || r == STORE_BUSY))
        return r;
    return open_tell(self, r == STORE_AWAY ? "cannot be reached" : "fails", why);
}

int pg_open_late(struct pg_core *self)
{
    cleanup(buf_done) struct buf why = BUF_NULL;
    int r = pg_open(self, &why);
    const char *text = buf_string(&why);

    if (r <= 0) {
        self->unopened = r != 0;
        return r;
    }
    if (r != STORE_AWAY && text && (!self->refusal || strcmp(self->refusal, text) != 0)) {
        log_error("the outbox cannot be opened: events wait until the cause is mended", "error",
                  text);
        free(self->refusal);
        self->refusal = strdup(text);
    }
    return STORE_AWAY;
}
