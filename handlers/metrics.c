/* SPDX-License-Identifier: MIT */
/*
 * The metrics. A count of events is a row of metrics_counts; any other metric has a function. After
 * the first failure, which stays in metrics->r, nothing more is printed.
 */
#include "handlers/metrics.h"

#include <inttypes.h>
#include <string.h>

#include "handlers/service.h"
#include "handlers/snapshot.h"

#define METRIC "convex_relay_"

struct metrics {
    const struct service *service;
    const struct snapshot *snapshot;
    struct buf *out;
    int r;
};

printf_like(2, 3) static void metrics_put(struct metrics *metrics, const char *format, ...)
{
    va_list args;

    if (metrics->r)
        return;
    va_start(args, format);
    metrics->r = buf_vprintf(metrics->out, format, args);
    va_end(args);
}

static void metrics_head(struct metrics *metrics, const char *name, const char *type,
                         const char *help)
{
    metrics_put(metrics, "# HELP " METRIC "%s %s\n# TYPE " METRIC "%s %s\n", name, help, name,
                type);
}

/* A label's value: a backslash, a quote and a line feed are escaped, nothing else. */
static void metrics_label(struct metrics *metrics, const char *value)
{
    for (; *value; value++) {
        if (*value == '\n')
            metrics_put(metrics, "\\n");
        else if (*value == '"' || *value == '\\')
            metrics_put(metrics, "\\%c", *value);
        else if (!metrics->r)
            metrics->r = buf_append_char(metrics->out, *value);
    }
}

static void metrics_sample(struct metrics *metrics, const char *name, const char *label,
                           const char *value, uint64_t n)
{
    metrics_put(metrics, METRIC "%s", name);
    if (value) {
        metrics_put(metrics, "{%s=\"", label);
        metrics_label(metrics, value);
        metrics_put(metrics, "\"}");
    }
    metrics_put(metrics, " %" PRIu64 "\n", n);
}

/* ---- requests ---- */

static void metrics_requests(struct metrics *metrics)
{
    const struct observed *observed = &metrics->service->observed;

    metrics_head(
        metrics, "requests_total", "counter",
        "Requests answered on the sender's port, but for /healthz and /readyz, by status.");
    for (int status = 200; status < 600; status++) {
        uint64_t n = 0;
        int found = 0;
        for (int reply = 0; reply < REPLY_COUNT_; reply++) {
            if (reply_head((enum reply)reply)->status != status)
                continue;
            n += observed->replies[reply];
            found = 1;
        }
        if (found)
            metrics_put(metrics, METRIC "requests_total{status=\"%d\"} %" PRIu64 "\n", status, n);
    }
}

static void metrics_secrets(struct metrics *metrics)
{
    const uint64_t *secrets = metrics->service->observed.secrets;

    metrics_head(metrics, "secret_used_total", "counter",
                 "Requests that brought an accepted secret, by which one: a rotation is over when "
                 "previous rises no more.");
    metrics_sample(metrics, "secret_used_total", "secret", "current", secrets[KEYRING_CURRENT]);
    metrics_sample(metrics, "secret_used_total", "secret", "previous", secrets[KEYRING_PREVIOUS]);
    metrics_head(metrics, "unauthorized_total", "counter",
                 "Requests whose secret was missing, wrong, empty, or there twice.");
    metrics_sample(metrics, "unauthorized_total", NULL, NULL, secrets[KEYRING_NONE]);
}

/* ---- events ---- */

static const struct metrics_count {
    const char *name;
    size_t at; /* in struct event_counts */
    const char *help;
} metrics_counts[] = {
    {"events_accepted_total", offsetof(struct event_counts, accepted),
     "Events that are, or were, the relay's since its outbox was made: on disk, or taken by Convex "
     "before they were. Over all models: accepted_total = delivered_total + discarded_total + "
     "outbox_events of both states."},
    {"events_delivered_total", offsetof(struct event_counts, delivered),
     "Events that Convex has taken."},
    {"events_dead_total", offsetof(struct event_counts, buried),
     "Times that an event became a dead letter. Replays take letters out again: "
     "how many there are now is outbox_events."},
    {"events_discarded_total", offsetof(struct event_counts, discarded),
     "Events thrown away: dead letters that somebody discarded, what a damaged outbox has lost, "
     "and what would be a dead letter where nothing keeps it (OUTBOX=off)."},
    {"replays_refused_total", offsetof(struct event_counts, refused),
     "Replays that were refused since the start, and are dead letters again: a newer event of the "
     "record was on its way or delivered, or the model had no route."},
};

static uint64_t metrics_count_in(const struct event_counts *counts, size_t at)
{
    uint64_t n;

    memcpy(&n, (const char *)counts + at, sizeof(n));
    return n;
}

static void metrics_events(struct metrics *metrics, const struct metrics_count *count)
{
    const struct snapshot *snapshot = metrics->snapshot;

    metrics_head(metrics, count->name, "counter", count->help);
    for (size_t i = 0; i < snapshot->routes_len; i++) {
        const struct snapshot_route *route = &snapshot->routes[i];
        if (route->counts)
            metrics_sample(metrics, count->name, "model", route->model,
                           metrics_count_in(route->counts, count->at));
    }
    metrics_sample(metrics, count->name, "model", "other",
                   metrics_count_in(&snapshot->other, count->at));
}

static uint64_t metrics_sum(const struct snapshot *snapshot, size_t at)
{
    uint64_t sum = metrics_count_in(&snapshot->other, at);

    for (size_t i = 0; i < snapshot->routes_len; i++)
        if (snapshot->routes[i].counts)
            sum += metrics_count_in(snapshot->routes[i].counts, at);
    return sum;
}

static void metrics_outbox(struct metrics *metrics)
{
    const struct snapshot *snapshot = metrics->snapshot;
    uint64_t pending = metrics_sum(snapshot, offsetof(struct event_counts, pending));
    int64_t age_ms = snapshot->oldest_age_ms;

    metrics_head(
        metrics, "outbox_events", "gauge",
        "Events on disk now. A dead letter that somebody replays is pending from then on.");
    metrics_sample(metrics, "outbox_events", "state", "pending", pending);
    metrics_sample(metrics, "outbox_events", "state", "dead",
                   metrics_sum(snapshot, offsetof(struct event_counts, dead)));
    metrics_head(metrics, "outbox_oldest_seconds", "gauge",
                 "Age of the oldest pending event on disk; 0 where there is none.");
    metrics_sample(metrics, "outbox_oldest_seconds", NULL, NULL,
                   pending && age_ms > 0 ? (uint64_t)age_ms / 1000 : 0);
    metrics_head(metrics, "outbox_spoilt_total", "counter",
                 "Events that were lost since the start because the disk has damaged the outbox. "
                 "They count as discarded.");
    metrics_sample(metrics, "outbox_spoilt_total", NULL, NULL, snapshot->outbox_spoilt);
}

/* ---- Convex ---- */

static void metrics_convex(struct metrics *metrics)
{
    const struct snapshot *snapshot = metrics->snapshot;
    const char *name = "convex_attempts_total";

    metrics_head(metrics, name, "counter",
                 "Calls of Convex by what came of them: done; rejected, for good; again, later; "
                 "held, until somebody mends something.");
    metrics_sample(metrics, name, "outcome", "done", snapshot->attempts.done);
    metrics_sample(metrics, name, "outcome", "rejected", snapshot->attempts.rejected);
    metrics_sample(metrics, name, "outcome", "again", snapshot->attempts.again);
    metrics_sample(metrics, name, "outcome", "held", snapshot->attempts.held);
    metrics_head(metrics, "convex_in_flight", "gauge", "Calls of Convex that are under way.");
    metrics_sample(metrics, "convex_in_flight", NULL, NULL, (uint64_t)snapshot->in_flight);
    metrics_head(metrics, "route_held", "gauge",
                 "1 while the model's events wait because their function, or Convex as a whole, "
                 "cannot be had, or there is no route for them any more.");
    for (size_t i = 0; i < snapshot->routes_len; i++)
        /* A lost route is shown only while events wait for it: then held says so. */
        if (snapshot->routes[i].mutation || snapshot->routes[i].held)
            metrics_sample(metrics, "route_held", "model", snapshot->routes[i].model,
                           snapshot->routes[i].held != NULL);
}

/* ---- times ---- */

/* Buckets of len bounds, whose texts le_of() gives, and one beyond. Returns the sum of all. */
static uint64_t metrics_buckets(struct metrics *metrics, const char *name, const char *help,
                                const uint64_t *counts, int len, const char *(*le_of)(int))
{
    uint64_t n = 0;

    metrics_head(metrics, name, "histogram", help);
    for (int i = 0; i <= len; i++) {
        n += counts[i];
        metrics_put(metrics, METRIC "%s_bucket{le=\"%s\"} %" PRIu64 "\n", name,
                    i < len ? le_of(i) : "+Inf", n);
    }
    return n;
}

static const char *metrics_seconds(int i)
{
    return histogram_bounds[i].seconds;
}

static void metrics_histogram(struct metrics *metrics, const char *name, const char *help,
                              const struct histogram *histogram)
{
    uint64_t n =
        metrics_buckets(metrics, name, help, histogram->counts, HISTOGRAM_BUCKETS, metrics_seconds);

    metrics_put(metrics, METRIC "%s_sum %" PRIu64 ".%03u\n" METRIC "%s_count %" PRIu64 "\n", name,
                histogram->sum_ms / 1000, (unsigned)(histogram->sum_ms % 1000), name, n);
}

static const char *metrics_size(int i)
{
    return sizes_bounds[i].text;
}

static void metrics_sizes(struct metrics *metrics, const char *name, const char *help,
                          const struct sizes *sizes)
{
    uint64_t n = metrics_buckets(metrics, name, help, sizes->counts, SIZES_BUCKETS, metrics_size);

    metrics_put(metrics, METRIC "%s_sum %" PRIu64 "\n" METRIC "%s_count %" PRIu64 "\n", name,
                sizes->sum, name, n);
}

int metrics_print(const struct service *service, const struct snapshot *snapshot, struct buf *out)
{
    struct metrics metrics = {service, snapshot, out, 0};

    metrics_requests(&metrics);
    metrics_histogram(&metrics, "request_duration_seconds",
                      "From the head of a request to its answer, of those in requests_total.",
                      &service->observed.duration);
    metrics_secrets(&metrics);
    for (size_t i = 0; i < array_len(metrics_counts); i++)
        metrics_events(&metrics, &metrics_counts[i]);
    metrics_outbox(&metrics);
    metrics_histogram(&metrics, "outbox_commit_seconds",
                      "Time to write a batch of changes, with its fsync.",
                      &snapshot->outbox_commits);
    metrics_convex(&metrics);
    metrics_histogram(&metrics, "convex_duration_seconds",
                      "From the start of a call of Convex to its answer, or to giving up on it.",
                      &snapshot->convex_duration);
    metrics_sizes(&metrics, "batch_size", "Events in one call, of calls with several.",
                  &snapshot->batch_sizes);
    metrics_head(&metrics, "batch_splits_total", "counter",
                 "Calls with several events that failed, and were sent again in halves.");
    metrics_sample(&metrics, "batch_splits_total", NULL, NULL, snapshot->batch_splits);
    metrics_head(&metrics, "build_info", "gauge", "1, with the version as a label.");
    metrics_sample(&metrics, "build_info", "version", service->version, 1);
    return metrics.r;
}

void metrics_handle(struct service *service, struct request *request)
{
    cleanup(buf_done) struct buf page = BUF_NULL;
    cleanup(snapshot_done) struct snapshot snapshot = {0};
    int r = service->inbox->fill_snapshot(service->inbox, &snapshot);

    if (r == 0)
        r = metrics_print(service, &snapshot, &page);
    if (r)
        request_reply_with(request, REPLY_UNAVAILABLE, SPAN("Out of memory"));
    else
        request_reply_with(request, REPLY_METRICS, buf_span(&page));
}
