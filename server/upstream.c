/* SPDX-License-Identifier: MIT */
/*
 * Ways to Convex.
 *
 * libcurl reads certificates from a file, whenever it makes a connection. CONVEX_CA_FILE may have
 * changed by then. So the checked certificates are written into a file in memory, and libcurl gets
 * that file's name in /proc. Without memfd_create(2) or /proc, libcurl gets CONVEX_CA_FILE itself.
 */
#include "server/upstream.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "convex/transport_direct.h"
#include "relay_version.h"
#include "server/setup.h"

enum { UPSTREAM_CHECK_MS = 250, UPSTREAM_NAME_BYTES = 32 };

/* ---- one ---- */

static bool upstream_write(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.at, bytes.len);
        if (n <= 0)
            return false;
        bytes = (struct span){bytes.at + n, bytes.len - (size_t)n};
    }
    return true;
}

/* The name of the file from which libcurl is to read the certificates; NULL: the system's. */
static const char *upstream_keep_ca(struct upstream *upstream, const struct setup *setup,
                                    char name[UPSTREAM_NAME_BYTES])
{
    if (!setup->config.convex_ca_file)
        return NULL;
    upstream->ca_fd = memfd_create("convex-relay-ca", MFD_CLOEXEC);
    (void)snprintf(name, UPSTREAM_NAME_BYTES, "/proc/self/fd/%d", upstream->ca_fd);
    if (upstream->ca_fd >= 0 && upstream_write(upstream->ca_fd, buf_span(&setup->ca)) &&
        access(name, R_OK) == 0)
        return name;
    closep(&upstream->ca_fd);
    return setup->config.convex_ca_file;
}

int upstream_new(struct loop *loop, const struct setup *setup, struct upstream **out)
{
    cleanup(upstream_freep) struct upstream *upstream = calloc(1, sizeof(*upstream));
    char name[UPSTREAM_NAME_BYTES];

    if (!upstream)
        return error_origin(-ENOMEM);
    upstream->ca_fd = -1;
    const struct transport_options options = {
        .convex_url = setup->config.convex_url,
        .path = "/api/mutation",
        .date_path = "/api/query_ts",
        .deploy_key = setup->config.convex_deploy_key,
        .ca_file = upstream_keep_ca(upstream, setup, name),
        .timeout_ms = setup->config.convex_timeout_ms,
        .concurrency = setup->config.convex_concurrency + 1, /* the call that asks for a Date */
        .version = RELAY_VERSION,
    };
    int r = transport_direct_new(loop, &options, &upstream->transport);
    if (r < 0)
        return r;
    *out = take(upstream);
    return 0;
}

struct upstream *upstream_free(struct upstream *upstream)
{
    if (upstream) {
        transport_free(upstream->transport);
        closep(&upstream->ca_fd);
        free(upstream);
    }
    return NULL;
}

/* ---- all of them ---- */

static void upstreams_check(void *ctx)
{
    struct upstreams *upstreams = ctx;
    struct upstream *upstream, *next;

    for (upstream = SLIST_FIRST(&upstreams->earlier); upstream; upstream = next) {
        next = SLIST_NEXT(upstream, link);
        if (transport_in_flight(upstream->transport) > 0)
            continue;
        SLIST_REMOVE(&upstreams->earlier, upstream, upstream, link);
        upstream_free(upstream);
    }
    if (!SLIST_EMPTY(&upstreams->earlier))
        loop_timer_set(upstreams->loop, &upstreams->timer,
                       loop_now_ms(upstreams->loop) + UPSTREAM_CHECK_MS);
}

void upstreams_init(struct upstreams *upstreams, struct loop *loop)
{
    *upstreams = (struct upstreams){.loop = loop};
    upstreams->timer = (struct loop_timer){.fn = upstreams_check, .ctx = upstreams};
}

void upstreams_done(struct upstreams *upstreams)
{
    struct upstream *upstream;

    if (upstreams->loop)
        loop_timer_clear(upstreams->loop, &upstreams->timer);
    while ((upstream = SLIST_FIRST(&upstreams->earlier))) {
        SLIST_REMOVE_HEAD(&upstreams->earlier, link);
        upstream_free(upstream);
    }
    upstreams->now = upstream_free(upstreams->now);
}

void upstreams_set(struct upstreams *upstreams, struct upstream *upstream)
{
    if (upstreams->now)
        SLIST_INSERT_HEAD(&upstreams->earlier, upstreams->now, link);
    upstreams->now = upstream;
    upstreams_check(upstreams);
}
