/* SPDX-License-Identifier: MIT */
/*
 * The bodies of requests while they arrive, and how many bytes of them may be held at once: by all
 * connections and by the relay together, four of the largest and 64 MiB at least. A body that is
 * past that is refused, before it comes or in the middle: what is held already has the better
 * claim.
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

/* Gets ready for a body; len: as its request says, 0: nothing. 0 or -ENOMEM. */
int http_body_begin(struct http_connection *connection, unsigned long long len);

/* Takes a piece. MHD_NO: the connection is to be closed, and has been answered if it can be. */
enum MHD_Result http_body_piece(struct http_connection *connection, struct span piece);

/* What refusals say that stand before a body, or in the middle of it. */
enum { HTTP_BODY_TOO_LARGE_MAX = 96 };
void http_body_say_too_large(const struct http_connection *connection,
                             char why[HTTP_BODY_TOO_LARGE_MAX]);
extern const char http_body_too_many[];
