/* SPDX-License-Identifier: MIT */
/* The HTTP server gives each request to the endpoint's handler, and hides libmicrohttpd. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"

struct endpoints;
struct http;
struct listeners;
struct service;

struct http_options {
    struct listeners *listeners; /* http_new() takes them over */
    const struct endpoints *endpoints;
    int64_t max_body_bytes;     /* larger bodies are refused */
    int64_t request_timeout_ms; /* how long a whole request may take to arrive */
    unsigned connections_max;   /* further clients wait in the kernel's queue */
};

/* Starts to serve. service stays the caller's and must outlive the server. 0; or an -errno, and the
 * listeners are closed. */
int http_new(struct loop *loop, struct service *service, const struct http_options *options,
             struct http **http);

/* Frees the server. Every request must have been answered. Takes NULL. */
struct http *http_free(struct http *http);
CLEANUP_POINTER(struct http, http_free);

/* Begins to drain: no connections are new but those that the kernel has accepted already, and each
 * connection ends with the next answer. */
void http_drain(struct http *http);

/* Whether a server that drains has let every client in and has no request under way. */
bool http_is_drained(const struct http *http);

/* How many requests are under way, from the headers to the last byte of the answers. */
int http_busy(const struct http *http);

/* How many clients are connected, whether they ask for something or not. */
unsigned http_clients(const struct http *http);
