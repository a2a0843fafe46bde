/* SPDX-License-Identifier: MIT */
/*
 * Upstreams: ways to Convex. One is for the present configuration, others are left of earlier
 * configurations that still have calls in flight.
 *
 * A reload never changes an upstream but makes a new one, with its own key, certificates,
 * connections and TLS sessions. libcurl keeps certificates for a day, and a resumed TLS session
 * proves no certificate at all.
 */
#pragma once

#include <sys/queue.h>

#include "base/loop.h"

struct setup;
struct transport;

struct upstream {
    struct transport *transport;
    int ca_fd; /* a file in memory with the certificates that were checked; -1: none */
    SLIST_ENTRY(upstream) link;
};
SLIST_HEAD(upstream_list, upstream);

struct upstreams {
    struct loop *loop;
    struct upstream *now;         /* NULL: none yet */
    struct upstream_list earlier; /* each is freed after its last call */
    struct loop_timer timer;      /* set while there are earlier ones */
};

/* 0 or an -errno. */
int upstream_new(struct loop *loop, const struct setup *setup, struct upstream **upstream);

/* No call may be in flight. Takes NULL. */
struct upstream *upstream_free(struct upstream *upstream);
CLEANUP_POINTER(struct upstream, upstream_free);

void upstreams_init(struct upstreams *upstreams, struct loop *loop);

/* Frees all upstreams. Takes a struct that is all zero. */
void upstreams_done(struct upstreams *upstreams);

/* Takes over the upstream to use from now on. The old upstream is freed, with all connections,
 * after its last call: at once if no call is in flight. */
void upstreams_set(struct upstreams *upstreams, struct upstream *upstream);
