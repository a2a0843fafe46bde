/* SPDX-License-Identifier: MIT */
/* Answers to requests, as libmicrohttpd takes them. */
#pragma once

#include <microhttpd.h>

#include "base/span.h"
#include "handlers/reply.h"

struct http_connection;

/*
 * Makes the response of a reply. message is the text of those replies that have one, and stays the
 * caller's; a long one is cut where all texts together would hold too much memory. NULL when out of
 * memory.
 */
struct MHD_Response *http_reply_make(struct http_connection *connection, enum reply reply,
                                     struct span message);

/* Hands connection->response to libmicrohttpd. MHD_NO: the connection must be closed. */
enum MHD_Result http_reply_queue(struct http_connection *connection);

/* The same before the body has arrived: the connection ends with this answer. */
enum MHD_Result http_reply_queue_early(struct http_connection *connection);

/* The connection's answer is gone: its text no longer counts. */
void http_reply_done(struct http_connection *connection);
