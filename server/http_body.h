/* SPDX-License-Identifier: MIT */
/*
 * The limits of a request's body, and the body while it arrives.
 *
 * One body may have MAX_BODY_BYTES. All connections and the relay together may hold four bodies of
 * that size, or 64 MiB if that is more. A body that goes past a limit is refused, before or during
 * the arrival, since bodies that are held already come first.
 */
#pragma once

#include <microhttpd.h>
#include <stdbool.h>

#include "base/span.h"

struct http;
struct http_connection;

/* Whether a body of len bytes is past MAX_BODY_BYTES. */
bool http_body_is_too_large(const struct http *http, unsigned long long len);

/* Whether there is room for len more bytes of bodies. */
bool http_body_has_room(const struct http *http, unsigned long long len);

/* Gets ready for a body. len is the Content-Length; 0: the request has none. 0 or -ENOMEM. */
int http_body_begin(struct http_connection *connection, unsigned long long len);

/* Takes the next piece of the body. MHD_NO: the connection must be closed; the client has been
 * answered if that was possible. */
enum MHD_Result http_body_piece(struct http_connection *connection, struct span piece);

/* The texts of refusals, before a body or in its middle. */
enum { HTTP_BODY_TOO_LARGE_MAX = 96 };
void http_body_say_too_large(const struct http_connection *connection,
                             char why[HTTP_BODY_TOO_LARGE_MAX]);
extern const char http_body_too_many[];
