/* SPDX-License-Identifier: MIT */
/* HTTP for the handlers. The only room with libmicrohttpd is behind this header. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"

struct endpoints;
struct http;
struct service;

struct http_options {
    int listen_fd; /* taken over */
    const struct endpoints *endpoints;
    int64_t max_body_bytes;
    int64_t request_timeout_ms; /* for a whole request to arrive */
    unsigned connections_max;   /* beyond, clients wait in the kernel's queue */
};

/* service stays the caller's and outlives it. 0 or an -errno, and then listen_fd is closed, too. */
int http_new(struct loop *loop, struct service *service, const struct http_options *options,
             struct http **http);

/* Every request must have been answered. Takes NULL. */
struct http *http_free(struct http *http);
CLEANUP_POINTER(struct http, http_free);

/* Takes no new connections; the ones that are there end with their next answer. */
void http_drain(struct http *http);

/* How many requests are under way, from their headers to the last byte of their answers. */
int http_busy(const struct http *http);

/* How many clients are connected, whether they ask for something or not. */
unsigned http_clients(const struct http *http);
