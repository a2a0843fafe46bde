/* SPDX-License-Identifier: MIT */
/* The endpoints. */
#include "handlers/endpoints.h"

#include "handlers/health.h"
#include "handlers/metrics.h"
#include "handlers/status.h"
#include "handlers/sync.h"
#include "handlers/sync_batch.h"

static const struct endpoint endpoints_of_sender[] = {
    {"/convex/sync", "POST", GUARD_SECRET, REPLY_NOT_ALLOWED_POST, REQUEST_EVENT, true,
     sync_handle},
    {"/convex/sync/batch", "POST", GUARD_SECRET, REPLY_NOT_ALLOWED_POST, REQUEST_PARCEL, true,
     sync_batch_handle},
    {"/healthz", "GET", GUARD_NONE, REPLY_NOT_ALLOWED_GET, REQUEST_BARE, false,
     health_handle_alive},
    {"/readyz", "GET", GUARD_NONE, REPLY_NOT_ALLOWED_GET, REQUEST_BARE, false, health_handle_ready},
};

static const struct endpoint endpoints_of_admin[] = {
    {"/metrics", "GET", GUARD_NONE, REPLY_NOT_ALLOWED_GET, REQUEST_BARE, false, metrics_handle},
    {"/status", "GET", GUARD_NONE, REPLY_NOT_ALLOWED_GET, REQUEST_BARE, false, status_handle},
    {"/healthz", "GET", GUARD_NONE, REPLY_NOT_ALLOWED_GET, REQUEST_BARE, false,
     health_handle_alive},
    {"/readyz", "GET", GUARD_NONE, REPLY_NOT_ALLOWED_GET, REQUEST_BARE, false, health_handle_ready},
};

const struct endpoints endpoints_sender = {endpoints_of_sender, array_len(endpoints_of_sender),
                                           true};
const struct endpoints endpoints_admin = {endpoints_of_admin, array_len(endpoints_of_admin), false};

/* HEAD is GET (RFC 9110, 9.3.2): the server leaves out the body of the answer. */
static bool endpoints_takes(const struct endpoint *endpoint, const char *method)
{
    if (strcmp(method, endpoint->method) == 0)
        return true;
    return strcmp(method, "HEAD") == 0 && strcmp(endpoint->method, "GET") == 0;
}

/* The path of a target: without the query, and the origin of an absolute form (RFC 9112, 3.2.2). */
static struct span endpoints_path(struct span target)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < array_len(schemes); i++) {
        struct span scheme = span_of(schemes[i]);
        if (!span_starts(target, scheme))
            continue;
        target = (struct span){target.at + scheme.len, target.len - scheme.len};
        while (target.len > 0 && !memchr("/?#", *target.at, 3))
            target = (struct span){target.at + 1, target.len - 1};
        break;
    }
    const char *query = target.len > 0 ? memchr(target.at, '?', target.len) : NULL;
    return (struct span){target.at, query ? (size_t)(query - target.at) : target.len};
}

int endpoints_find(const struct endpoints *endpoints, struct span target, const char *method,
                   const struct endpoint **endpoint)
{
    struct span path = endpoints_path(target);

    for (size_t i = 0; i < endpoints->len; i++) {
        if (!span_eq(path, span_of(endpoints->at[i].path)))
            continue;
        *endpoint = &endpoints->at[i];
        return endpoints_takes(&endpoints->at[i], method) ? 0 : ENDPOINTS_NO_METHOD;
    }
    return ENDPOINTS_NO_PATH;
}
