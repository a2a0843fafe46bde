/* SPDX-License-Identifier: MIT */
/*
 * Running statements.
 *
 * The connection is in libpq's pipeline mode, and does not block: who writes much while the server
 * writes much would wait for each other. A statement is prepared under a name when it first runs in
 * a connection, in front of it in the same pipeline, unless a pooler loses what was prepared.
 */
#include "outbox/pg_run.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "base/error.h"

enum { RUN_LONG_MS = 500 }; /* before on_quiet is called */

/* ---- Texts ---- */

char *pg_run_text(const char *schema, const char *sql)
{
    struct buf text = BUF_NULL;
    int r = sql ? 0 : -ENOMEM; /* of the text that was to be */

    for (; !r && *sql; sql++)
        r = *sql == '@' ? buf_printf(&text, "\"%s\".", schema) : buf_append_char(&text, *sql);
    if (r || !buf_string(&text)) {
        buf_done(&text);
        return NULL;
    }
    return text.at;
}

/* FNV-1a, Fowler, Noll and Vo. */
static uint64_t run_hash(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

void pg_run_name(const char *text, char name[PG_NAME_MAX])
{
    (void)snprintf(name, PG_NAME_MAX, "relay_%016llx", (unsigned long long)run_hash(text));
}

/* ---- Queueing ---- */

static int run_await(struct pg_core *self, struct pg_awaited awaited)
{
    if (self->awaited_len == self->awaited_cap) {
        size_t cap = self->awaited_cap ? 2 * self->awaited_cap : 32;
        struct pg_awaited *more = realloc(self->awaited, cap * sizeof(*more));
        if (!more)
            return error_origin(-ENOMEM);
        self->awaited = more;
        self->awaited_cap = cap;
    }
    self->awaited[self->awaited_len++] = awaited;
    return 0;
}

static int run_failed(struct pg_core *self)
{
    return pg_core_lose(self, PQerrorMessage(self->conn));
}

static int run_prepare(struct pg_core *self, enum pg_statement which, const char *name)
{
    int r = run_await(self, (struct pg_awaited){.which = which, .prepares = true});

    if (r)
        return r;
    return PQsendPrepare(self->conn, name, self->texts[which], 0, NULL) ? 0 : run_failed(self);
}

struct run_parameters {
    struct pg_number numbers[PG_PARAMETERS_MAX];
    const char *values[PG_PARAMETERS_MAX];
    int lengths[PG_PARAMETERS_MAX], formats[PG_PARAMETERS_MAX];
};

static void run_bind(struct run_parameters *parameters, const struct pg_value *values, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        parameters->formats[i] = 1;
        if (values[i].is_number)
            parameters->numbers[i] = pg_number_of(values[i].number);
        parameters->values[i] =
            values[i].is_number ? parameters->numbers[i].bytes : values[i].bytes.at;
        parameters->lengths[i] =
            values[i].is_number ? (int)sizeof(struct pg_number) : (int)values[i].bytes.len;
    }
}

int pg_run_queue(struct pg_core *self, enum pg_statement which, const struct pg_value *values,
                 size_t len, pg_result_fn fn, void *ctx)
{
    struct run_parameters parameters;
    const char *name = self->names[which];
    int r = 0, sent;

    if (self->lost)
        return STORE_AWAY;
    run_bind(&parameters, values, len);
    if (!self->unnamed && !self->prepared[which])
        r = run_prepare(self, which, name);
    if (!r)
        r = run_await(self, (struct pg_awaited){.which = which, .fn = fn, .ctx = ctx});
    if (r)
        return r;
    if (self->unnamed)
        sent = PQsendQueryParams(self->conn, self->texts[which], (int)len, NULL, parameters.values,
                                 parameters.lengths, parameters.formats, 1);
    else
        sent = PQsendQueryPrepared(self->conn, name, (int)len, parameters.values,
                                   parameters.lengths, parameters.formats, 1);
    if (!sent)
        return run_failed(self);
    self->prepared[which] = !self->unnamed;
    return 0;
}

/* ---- Results ---- */

/* The server has said nothing for as long as the store's patience goes. True: the server is waited
 * for further. A transaction is not: its statements find rows by their keys, and senders wait for
 * it; unless it says otherwise. *waited_ms: how long the server has said nothing. */
static bool run_goes_on(struct pg_core *self, int *waited_ms)
{
    if (self->on_quiet) {
        void (*on_quiet)(struct pg_core *) = self->on_quiet;
        self->on_quiet = NULL;
        on_quiet(self);
        return true;
    }
    *waited_ms += self->quiet_ms;
    if (self->unhurried)
        return self->is_at_work(self);
    return !self->begun && *waited_ms < self->busy_ms && self->is_at_work(self);
}

/* Writes what is to be written, and waits until a result is there. */
static int run_wait(struct pg_core *self)
{
    int waited_ms = 0;

    for (;;) {
        int left = PQflush(self->conn);
        if (left < 0)
            return run_failed(self);
        if (!PQisBusy(self->conn))
            return 0;
        struct pollfd fd = {.fd = PQsocket(self->conn),
                            .events = (short)(POLLIN | (left ? POLLOUT : 0))};
        int n = poll(&fd, 1, self->on_quiet ? RUN_LONG_MS : self->quiet_ms);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0 && run_goes_on(self, &waited_ms))
            continue;
        if (n <= 0)
            return pg_core_lose(self, "PostgreSQL does not answer");
        waited_ms = 0;
        if (!PQconsumeInput(self->conn))
            return run_failed(self);
    }
}

/* The next result, which the caller clears; NULL: the end of a statement's. */
static int run_next(struct pg_core *self, PGresult **result)
{
    int r = run_wait(self);

    if (r)
        return r;
    *result = PQgetResult(self->conn);
    return 0;
}

PGresult *pg_run_keep(struct pg_core *self)
{
    return take(self->result);
}

int pg_run_take_bool(struct pg_core *self, const PGresult *result, void *ctx)
{
    (void)self;
    *(bool *)ctx = PQntuples(result) > 0 && pg_core_number(result, 0, 0) != 0;
    return 0;
}

/* What a result comes to. failed: what the pipeline has failed with already. */
static int run_take(struct pg_core *self, const struct pg_awaited *awaited, PGresult *result,
                    int failed)
{
    ExecStatusType status = PQresultStatus(result);

    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return !failed && awaited->fn ? awaited->fn(self, result, awaited->ctx) : 0;
    if (awaited->prepares)
        self->prepared[awaited->which] = false;
    if (status == PGRES_PIPELINE_ABORTED)
        return failed ? 0 : STORE_BROKEN;
    return failed ? 0 : pg_core_outcome(self, result);
}

/* Reads the results of one statement, up to the NULL behind them. */
static int run_collect_one(struct pg_core *self, const struct pg_awaited *awaited, int *failed)
{
    int r;

    while ((r = run_next(self, &self->result)) == 0 && self->result) {
        int outcome = run_take(self, awaited, self->result, *failed);
        if (!*failed)
            *failed = outcome;
        PQclear(pg_run_keep(self));
        if (PQstatus(self->conn) == CONNECTION_BAD)
            return run_failed(self);
    }
    return r;
}

static int run_collect_sync(struct pg_core *self, int *failed)
{
    PGresult *result = NULL;
    int r = run_next(self, &result);

    if (r)
        return r;
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_FATAL_ERROR && !*failed) /* a commit by Sync failed, as a deferred check */
        *failed = pg_core_outcome(self, result);
    PQclear(result);
    if (status == PGRES_PIPELINE_SYNC)
        return 0;
    if (!result || PQstatus(self->conn) == CONNECTION_BAD)
        return run_failed(self);
    return run_collect_sync(self, failed);
}

int pg_run_end(struct pg_core *self)
{
    int r = 0, failed = 0;

    if (self->reads) /* what has failed before is no answer to pg_core_met_damage() */
        self->code[0] = '\0';
    if (self->lost)
        r = STORE_AWAY;
    else if (!PQpipelineSync(self->conn))
        r = run_failed(self);
    for (size_t i = 0; i < self->awaited_len && !r; i++)
        r = run_collect_one(self, &self->awaited[i], &failed);
    if (!r)
        r = run_collect_sync(self, &failed);
    self->awaited_len = 0;
    return r ? r : failed;
}

int pg_run_sql(struct pg_core *self, const char *sql, const struct pg_value *values, size_t len,
               pg_result_fn fn, void *ctx)
{
    cleanup(freep) char *text = pg_run_text(self->settings.schema, sql);
    struct run_parameters parameters;

    if (!text)
        return error_origin(-ENOMEM);
    if (self->lost)
        return STORE_AWAY;
    run_bind(&parameters, values, len);
    int r = run_await(self, (struct pg_awaited){.which = PG_STATEMENTS, .fn = fn, .ctx = ctx});
    if (r)
        return r;
    if (!PQsendQueryParams(self->conn, text, (int)len, NULL, parameters.values, parameters.lengths,
                           parameters.formats, 1))
        return run_failed(self);
    return pg_run_end(self);
}
