/* SPDX-License-Identifier: MIT */
/* The core of the PostgreSQL store: failures, health, and values in results. */
#include "outbox/pg_core.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "outbox/pg_uri.h"

/* How long nothing must have failed, until that is said: a row that cannot be changed fails again
 * and again, while all others are well. */
enum { CORE_FAILING_MS = 5000 };

/* ---- Texts ---- */

static void core_set_trouble(struct pg_core *self, const char *text)
{
    self->trouble.len = 0;
    (void)pg_uri_redact(self->settings.uri, text, &self->trouble);
}

static const char *core_trouble(struct pg_core *self)
{
    const char *text = buf_string(&self->trouble);

    return text ? text : "";
}

/* ---- Health ---- */

static void core_note_failing(struct pg_core *self, int health, const char *code)
{
    self->failed_ms = clock_mono_ms(&clock_system);
    if (health == self->health)
        return;
    self->health = health;
    if (health == STORE_FULL)
        log_warn("the outbox is full: new events cannot be stored; raise OUTBOX_MAX_MB, or make "
                 "room on PostgreSQL's disk",
                 "schema", self->settings.schema);
    else
        log_error("the outbox fails: nothing is stored until it works again", "schema",
                  self->settings.schema, "error", core_trouble(self), "code", code);
}

int pg_core_note_full(struct pg_core *self)
{
    core_note_failing(self, STORE_FULL, NULL);
    return STORE_FULL;
}

int pg_core_admit(struct pg_core *self)
{
    if (!self->spoilt && !self->begun)
        self->spoilt = STORE_BROKEN;
    return self->spoilt;
}

int pg_core_spoil(struct pg_core *self, int r)
{
    if (r && !self->spoilt)
        self->spoilt = r;
    return r;
}

void pg_core_note_well(struct pg_core *self)
{
    if (self->health == STORE_FULL && !self->roomy)
        return; /* a change without an append does not show that there is room */
    if (self->health == STORE_BROKEN &&
        clock_mono_ms(&clock_system) - self->failed_ms < CORE_FAILING_MS)
        return;
    if (self->health)
        log_info("the outbox works again: events are stored", "schema", self->settings.schema);
    self->health = 0;
}

/* ---- Outcomes ---- */

int pg_core_lose(struct pg_core *self, const char *why)
{
    if (!self->lost)
        core_set_trouble(self, why);
    self->lost = true;
    self->store.why_away = buf_string(&self->trouble);
    return STORE_AWAY;
}

/* Whether the server says that it cannot serve this connection, or cannot write now. */
static bool core_is_away(const char *code)
{
    static const char *const codes[] = {
        "57P01", "57P02", "57P03", "57P05", /* shut down, crashed, starting up, idle too long */
        "25P03", "25006",                   /* idle in a transaction; a standby by now */
        "53300",                            /* too many connections */
    };

    for (size_t i = 0; i < array_len(codes); i++)
        if (strcmp(code, codes[i]) == 0)
            return true;
    return strncmp(code, "08", 2) == 0;
}

/* Whether the same transaction may go through at once: it was cancelled, waited too long for a
 * lock, or collided with another. */
static bool core_may_work_again(const char *code)
{
    return strcmp(code, "57014") == 0 || strcmp(code, "55P03") == 0 || strncmp(code, "40", 2) == 0;
}

bool pg_core_met_damaged_index(const struct pg_core *self)
{
    return strcmp(self->code, "XX002") == 0;
}

/* A body whose parts are missing was an internal error in front of version 14. */
bool pg_core_met_damage(const struct pg_core *self)
{
    return strcmp(self->code, "XX001") == 0 || pg_core_met_damaged_index(self) ||
           (strcmp(self->code, "XX000") == 0 && PQserverVersion(self->conn) < 140000);
}

/* A pooler has exchanged the session, and with it the statements that were prepared. */
static bool core_is_without_names(const char *code)
{
    return strcmp(code, "26000") == 0 || strcmp(code, "42P05") == 0;
}

int pg_core_outcome(struct pg_core *self, const PGresult *result)
{
    const char *code = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

    if (!text)
        text = result ? PQresultErrorMessage(result) : PQerrorMessage(self->conn);
    if (!code || PQstatus(self->conn) == CONNECTION_BAD || core_is_away(code))
        return pg_core_lose(self, text);
    core_set_trouble(self, text);
    (void)snprintf(self->code, sizeof(self->code), "%s", code);
    if (strcmp(code, "22012") == 0) { /* of the fence alone */
        self->fenced = true;
        return pg_core_lose(self, "another relay has taken over");
    }
    if (core_is_without_names(code)) {
        self->store.renews = !self->unnamed;
        self->unnamed = true;
        return pg_core_lose(self, text);
    }
    if (core_may_work_again(code))
        return pg_core_lose(self, text);
    if (strcmp(code, "23505") == 0 || strcmp(code, "42P06") == 0 || strcmp(code, "42P07") == 0)
        return -EEXIST;
    if (strcmp(code, "53100") == 0)
        return pg_core_note_full(self);
    if (!self->muted && !(self->reads && pg_core_met_damage(self)))
        core_note_failing(self, STORE_BROKEN, code);
    return STORE_BROKEN;
}

/* ---- Values ---- */

int64_t pg_core_number(const PGresult *result, int row, int column)
{
    return pg_number_read(PQgetvalue(result, row, column), PQgetlength(result, row, column));
}

struct span pg_core_bytes(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column))
        return SPAN_NULL;
    return (struct span){PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}
