/* SPDX-License-Identifier: MIT */
/*
 * The limits of a request's body, and the body while it arrives.
 *
 * Memory for a body is made as the body arrives, since a claimed length proves nothing.
 */
#include "server/http_body.h"

#include <stdio.h>
#include <sys/socket.h>

#include "handlers/sync_batch.h"
#include "server/http_connection.h"

enum {
    HTTP_BODY_FIRST_BYTES = 64 * 1024, /* made at the head; more as the body arrives */
    /* All bodies together may have as many bytes as four of the largest, and 64 MiB at least. */
    HTTP_BODIES_LARGEST = 4,
    HTTP_BODIES_BYTES_MIN = 64 * 1024 * 1024,
};

/* ---- limits ---- */

static unsigned long long http_bodies_max(const struct http *http)
{
    unsigned long long bytes = (unsigned long long)http->max_body_bytes * HTTP_BODIES_LARGEST;

    return bytes > HTTP_BODIES_BYTES_MIN ? bytes : HTTP_BODIES_BYTES_MIN;
}

bool http_body_is_too_large(const struct http *http, unsigned long long len)
{
    return len > (unsigned long long)http->max_body_bytes;
}

bool http_body_has_room(const struct http *http, unsigned long long len)
{
    struct inbox *inbox = http->service->inbox;

    return http->body_bytes + sync_batches_bytes(http->service->batches) +
               inbox->unstored_bytes(inbox) + len <=
           http_bodies_max(http);
}

const char http_body_too_many[] = "The relay holds as much as it may; try again later";

void http_body_say_too_large(const struct http_connection *connection,
                             char why[HTTP_BODY_TOO_LARGE_MAX])
{
    (void)snprintf(why, HTTP_BODY_TOO_LARGE_MAX, "The body is larger than MAX_BODY_BYTES, %lld",
                   (long long)connection->http->max_body_bytes);
}

/* ---- gathering ---- */

int http_body_begin(struct http_connection *connection, unsigned long long len)
{
    size_t room = len < HTTP_BODY_FIRST_BYTES ? (size_t)len : HTTP_BODY_FIRST_BYTES;
    int r = buf_reserve(&connection->request.body, room);

    connection->claimed_bytes = (size_t)len;
    if (r == 0)
        r = request_begin_body(&connection->request, connection->endpoint->reads);
    http_connection_count_body(connection);
    return r;
}

/*
 * Answers in the middle of the body. MHD takes no answer there, so it is written by hand, before
 * the connection is closed. The socket has room: answers to earlier requests have been sent, and a
 * 100 Continue is short.
 */
static enum MHD_Result http_body_refuse(struct http_connection *connection, enum reply reply,
                                        const char *why)
{
    const struct reply_head *head = reply_head(reply);
    char answer[512];
    int len = snprintf(answer, sizeof(answer),
                       "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n" REQUEST_ID_HEADER ": %s\r\n"
                       "%s%s%s%sContent-Length: %zu\r\nConnection: close\r\n\r\n{\"error\":\"%s\"}",
                       head->status, MHD_get_reason_phrase_for((unsigned)head->status),
                       head->content_type, connection->request.id, head->header ? head->header : "",
                       head->header ? ": " : "", head->header ? head->value : "",
                       head->header ? "\r\n" : "", strlen(why) + strlen("{\"error\":\"\"}"), why);

    http_connection_observe(connection, reply);
    (void)send(http_connection_fd(connection), answer, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
    connection->cut_short = true;
    return MHD_NO;
}

enum MHD_Result http_body_piece(struct http_connection *connection, struct span piece)
{
    struct request *request = &connection->request;

    connection->received += piece.len;
    if (http_body_is_too_large(connection->http, connection->received)) {
        char why[HTTP_BODY_TOO_LARGE_MAX];
        http_body_say_too_large(connection, why);
        return http_body_refuse(connection, REPLY_TOO_LARGE, why);
    }
    if (connection->refused || !connection->endpoint->reads)
        return MHD_YES;
    if (buf_reserve_up_to(&request->body, piece.len, connection->claimed_bytes) ||
        buf_append_span(&request->body, piece))
        return MHD_NO;
    request_feed_body(request);
    bool grown = request_body_bytes(request) > connection->counted_bytes;
    http_connection_count_body(connection);
    if (grown && !http_body_has_room(connection->http, 0))
        return http_body_refuse(connection, REPLY_UNAVAILABLE, http_body_too_many);
    return MHD_YES;
}
