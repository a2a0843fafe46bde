/* SPDX-License-Identifier: MIT */
/*
 * The ways to Convex: the one of the configuration that holds, and those of earlier ones that still
 * have calls.
 *
 * A reload makes a new way and never changes one: another key, other certificates, connections and
 * TLS sessions of its own. libcurl would believe the certificates that it has read for a day, and a
 * resumed session proves no certificate at all.
 */
#pragma once

#include <sys/queue.h>

#include "base/loop.h"

struct setup;
struct transport;

struct upstream {
    struct transport *transport;
    int ca_fd; /* the certificates, as they were checked; -1: none */
    SLIST_ENTRY(upstream) link;
};
SLIST_HEAD(upstream_list, upstream);

struct upstreams {
    struct loop *loop;
    struct upstream *now;         /* NULL: none yet */
    struct upstream_list earlier; /* they end with their last call */
    struct loop_timer timer;
};

/* 0 or an -errno. */
int upstream_new(struct loop *loop, const struct setup *setup, struct upstream **upstream);
/* Takes NULL. No call may be in flight. */
struct upstream *upstream_free(struct upstream *upstream);
CLEANUP_POINTER(struct upstream, upstream_free);

void upstreams_init(struct upstreams *upstreams, struct loop *loop);
/* All zero is fine, too. */
void upstreams_done(struct upstreams *upstreams);

/* Takes a way that holds from now on. What is idle on the one before is closed. */
void upstreams_set(struct upstreams *upstreams, struct upstream *upstream);
