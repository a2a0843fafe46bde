/* SPDX-License-Identifier: MIT */
/* HTTP for the handlers. The only room with libmicrohttpd is behind this header. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"

struct endpoints;
struct http;
struct listeners;
struct service;

struct http_options {
    struct listeners *listeners; /* all of them are taken over */
    const struct endpoints *endpoints;
    int64_t max_body_bytes;
    int64_t request_timeout_ms; /* for a whole request to arrive */
    unsigned connections_max;   /* beyond, clients wait in the kernel's queue */
};

/* service stays the caller's and outlives it. 0 or an -errno, and the listeners are closed, too. */
int http_new(struct loop *loop, struct service *service, const struct http_options *options,
             struct http **http);

/* Every request must have been answered. Takes NULL. */
struct http *http_free(struct http *http);
CLEANUP_POINTER(struct http, http_free);

/* Takes no new connections but those that the kernel has taken already; all end with their next
 * answer. */
void http_drain(struct http *http);

/* Whether nobody is left to be answered: everybody is in, and no request is on its way. */
bool http_is_drained(const struct http *http);

/* How many requests are under way, from their headers to the last byte of their answers. */
int http_busy(const struct http *http);

/* How many clients are connected, whether they ask for something or not. */
unsigned http_clients(const struct http *http);
