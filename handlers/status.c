/* SPDX-License-Identifier: MIT */
/* The status page. Every name is always there: null where there is no value. */
#include "handlers/status.h"

#include <inttypes.h>

#include "base/json.h"
#include "handlers/service.h"
#include "handlers/snapshot.h"

struct status {
    struct buf *out;
    int64_t now_ms; /* wall clock */
    int r;          /* the first failure: nothing is printed after it */
    bool first;     /* the next member or element is the first, without a comma */
};

static void status_raw(struct status *status, const char *text)
{
    if (!status->r)
        status->r = buf_append_span(status->out, span_of(text));
}

static void status_open(struct status *status, const char *bracket)
{
    status_raw(status, bracket);
    status->first = true;
}

static void status_close(struct status *status, const char *bracket)
{
    status_raw(status, bracket);
    status->first = false;
}

static void status_comma(struct status *status)
{
    if (!status->first)
        status_raw(status, ",");
    status->first = false;
}

static void status_name(struct status *status, const char *name)
{
    status_comma(status);
    if (!status->r)
        status->r = buf_printf(status->out, "\"%s\":", name);
}

static void status_text(struct status *status, const char *name, const char *value)
{
    status_name(status, name);
    if (!value)
        status_raw(status, "null");
    else if (!status->r)
        status->r = json_quote(span_of(value), status->out);
}

static void status_number(struct status *status, const char *name, int64_t value)
{
    status_name(status, name);
    if (!status->r)
        status->r = buf_printf(status->out, "%" PRId64, value);
}

static void status_bool(struct status *status, const char *name, bool value)
{
    status_name(status, name);
    status_raw(status, value ? "true" : "false");
}

static void status_time(struct status *status, const char *name, int64_t wall_ms)
{
    char text[CLOCK_ISO_MAX];

    status_text(status, name, wall_ms > 0 && clock_iso(wall_ms, text) ? text : NULL);
}

/* The moment age_ms ago; -1: none. */
static void status_ago(struct status *status, const char *name, int64_t age_ms)
{
    status_time(status, name, age_ms < 0 ? 0 : status->now_ms - age_ms);
}

/* The members of a gate. held: why the gate is not open; NULL: the gate is open. */
static void status_gate(struct status *status, const char *held, int64_t since_ms)
{
    status_text(status, "state", held ? "held" : "open");
    status_text(status, "held_reason", held);
    status_time(status, "held_since", held ? since_ms : 0);
}

/* JSON as it stands; NULL: null. */
static void status_json(struct status *status, const char *name, const char *json)
{
    status_name(status, name);
    status_raw(status, json ? json : "null");
}

static void status_batch(struct status *status, const struct snapshot_route *route)
{
    status_name(status, "batch");
    if (!route->batch) {
        status_raw(status, "null");
        return;
    }
    status_open(status, "{");
    status_text(status, "mutation", route->batch);
    status_number(status, "max", route->batch_max);
    status_number(status, "size", route->batch_size);
    status_close(status, "}");
}

static void status_route(struct status *status, const struct snapshot_route *route)
{
    status_comma(status);
    status_open(status, "{");
    status_text(status, "model", route->model);
    status_text(status, "mutation", route->mutation);
    status_gate(status, route->held, route->held_since_ms);
    status_number(status, "in_flight", route->in_flight);
    status_number(status, "limit", route->limit);
    status_batch(status, route);
    status_json(status, "sequence", route->sequence);
    status_number(status, "pending", route->counts ? (int64_t)route->counts->pending : 0);
    status_number(status, "dead", route->counts ? (int64_t)route->counts->dead : 0);
    status_ago(status, "oldest", route->oldest_age_ms);
    status_name(status, "last_error");
    if (route->error) {
        status_open(status, "{");
        status_time(status, "at", route->error_ms);
        status_text(status, "outcome", route->error_outcome);
        status_text(status, "cause", route->error);
        status_close(status, "}");
    } else {
        status_raw(status, "null");
    }
    status_close(status, "}");
}

static void status_outbox(struct status *status, const struct service *service,
                          const struct snapshot *snapshot)
{
    uint64_t pending = snapshot->other.pending, dead = snapshot->other.dead;

    for (size_t i = 0; i < snapshot->routes_len; i++) {
        const struct event_counts *counts = snapshot->routes[i].counts;
        pending += counts ? counts->pending : 0;
        dead += counts ? counts->dead : 0;
    }
    status_name(status, "outbox");
    status_open(status, "{");
    status_text(status, "state", snapshot->outbox);
    if (snapshot->outbox_why)
        status_text(status, "why", snapshot->outbox_why);
    status_number(status, "pending", (int64_t)pending);
    status_number(status, "dead", (int64_t)dead);
    status_ago(status, "oldest", pending ? snapshot->oldest_age_ms : -1);
    status_number(status, "bytes", snapshot->outbox_bytes);
    status_number(status, "pinned_bytes", snapshot->outbox_pinned_bytes);
    status_number(status, "max_bytes", service->outbox_max_bytes);
    status_number(status, "spoilt", (int64_t)snapshot->outbox_spoilt);
    status_close(status, "}");
}

int status_print(const struct service *service, const struct snapshot *snapshot, struct buf *out)
{
    struct status status = {.out = out, .now_ms = snapshot->now_ms};
    int64_t uptime_ms = clock_mono_ms(service->clock) - service->started_ms;

    status_open(&status, "{");
    status_text(&status, "version", service->version);
    status_ago(&status, "started", uptime_ms);
    status_number(&status, "uptime_seconds", uptime_ms / 1000);
    status_bool(&status, "ready", snapshot->not_ready == NULL);
    status_text(&status, "not_ready_reason", snapshot->not_ready);
    status_name(&status, "routes");
    status_open(&status, "[");
    for (size_t i = 0; i < snapshot->routes_len; i++)
        /* A lost route is shown only while events wait for it: then held says so. */
        if (snapshot->routes[i].mutation || snapshot->routes[i].held)
            status_route(&status, &snapshot->routes[i]);
    status_close(&status, "]");
    status_outbox(&status, service, snapshot);
    status_name(&status, "convex");
    status_open(&status, "{");
    status_gate(&status, snapshot->held, snapshot->held_since_ms);
    status_number(&status, "in_flight", snapshot->in_flight);
    status_close(&status, "}");
    status_raw(&status, "}\n");
    return status.r;
}

void status_handle(struct service *service, struct request *request)
{
    cleanup(buf_done) struct buf page = BUF_NULL;
    cleanup(snapshot_done) struct snapshot snapshot = {0};
    int r = service->inbox->fill_snapshot(service->inbox, &snapshot);

    if (r == 0)
        r = status_print(service, &snapshot, &page);
    if (r)
        request_reply_with(request, REPLY_UNAVAILABLE, SPAN("Out of memory"));
    else
        request_reply_with(request, REPLY_STATUS, buf_span(&page));
}
