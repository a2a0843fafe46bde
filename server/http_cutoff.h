/* SPDX-License-Identifier: MIT */
/*
 * All reasons for which the relay ends a connection that its client has not ended: the client is
 * late, has left unseen, or does not use the connection while all are taken and another one waits.
 *
 * libmicrohttpd's own timeout is for inactivity, which a client avoids by a byte now and then. So
 * each connection has a deadline while its client has to send something: REQUEST_TIMEOUT_MS for a
 * whole request, HTTP_IDLE_MS for the next request to begin. Within a list all connections have the
 * same time, so that each list stays in the order of deadlines without sorting.
 */
#pragma once

#include <stdbool.h>

enum { HTTP_IDLE_MS = 75 * 1000 }; /* more than nginx's 60 s, so that nginx closes first */

struct http;
struct http_connection;
struct http_connections;

/* The init comes before the first connection, the done after the last one. */
void http_cutoff_init(struct http *http);
void http_cutoff_done(struct http *http);

/* Moves the connection to the end of http->receiving or http->idle, or out of both (NULL), and
 * starts its time anew. */
void http_cutoff_watch(struct http_connection *connection, struct http_connections *list);

/* Whether a request is on its way whose head has not arrived yet. A client that has just come
 * counts, since a request is about to follow. */
bool http_cutoff_any_begun(const struct http *http);

/* A connection was added, perhaps the last one that is possible. */
void http_cutoff_admitted(struct http *http);

/*
 * Cuts off the connections that have missed their deadline. To be called after a run of
 * libmicrohttpd, while http->late > 0. has_more: libmicrohttpd has more to read, and the rest of a
 * request that seems late may be there.
 */
void http_cutoff_judge(struct http *http, bool has_more);
