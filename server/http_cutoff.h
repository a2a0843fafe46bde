/* SPDX-License-Identifier: MIT */
/*
 * Whose connection ends although the client has not ended it: who is late, who has left unseen,
 * and, while all connections are taken and somebody waits for one, who does not use theirs.
 *
 * libmicrohttpd's timeout is for inactivity: a client that sends a byte now and then never meets
 * it. So each connection has a deadline of its own while somebody has to send on it: a whole
 * request within request_timeout_ms, the next request within HTTP_IDLE_MS. All deadlines of a list
 * are equally far, so that the lists are in order by themselves.
 */
#pragma once

#include <stdbool.h>

enum { HTTP_IDLE_MS = 75 * 1000 }; /* above nginx's 60 s, which then closes first */

struct http;
struct http_connection;
struct http_connections;

void http_cutoff_init(struct http *http);
void http_cutoff_done(struct http *http);

/* Puts the connection behind all others of http->receiving or http->idle, or of none (NULL). */
void http_cutoff_watch(struct http_connection *connection, struct http_connections *list);

/* Whether a request has begun to arrive, or is about to, of which the head is not there yet. */
bool http_cutoff_any_begun(const struct http *http);

/* A connection has been taken, the last one perhaps. */
void http_cutoff_admitted(struct http *http);

/*
 * After a run of libmicrohttpd, while http->late > 0: cuts off whoever has missed their deadline.
 * has_more: it has more to read, so that somebody's request may be there already.
 */
void http_cutoff_judge(struct http *http, bool has_more);
