/* SPDX-License-Identifier: MIT */
/*
 * Answers to requests, as libmicrohttpd takes them.
 *
 * Convex may say a lot about an event, and the sender may never read the answer. So the texts of
 * all answers together are bounded by HTTP_REPLIES_BYTES_MAX; past the limit an answer carries only
 * the beginning of its text.
 */
#include "server/http_reply.h"

#include "base/utf8.h"
#include "server/http_connection.h"

enum {
    HTTP_REPLIES_BYTES_MAX = 16 * 1024 * 1024, /* of texts that are on their way to clients */
    HTTP_REPLY_BYTES_ALWAYS = 1024,            /* of one text, whatever the others hold */
};

static void http_reply_count(struct http_connection *connection, size_t bytes)
{
    connection->http->answer_bytes += bytes;
    connection->http->answer_bytes -= connection->answer_bytes;
    connection->answer_bytes = bytes;
}

static int http_reply_text(const struct http *http, enum reply reply, struct span message,
                           struct buf *text)
{
    int r = reply_body(reply, message, text);

    if (r || http->answer_bytes + text->cap <= HTTP_REPLIES_BYTES_MAX || reply_is_page(reply) ||
        message.len <= HTTP_REPLY_BYTES_ALWAYS)
        return r;
    message.len = utf8_whole(message.at, HTTP_REPLY_BYTES_ALWAYS);
    buf_done(text);
    return reply_body(reply, message, text);
}

static struct MHD_Response *http_reply_body(struct http_connection *connection, enum reply reply,
                                            struct span message)
{
    const char *fixed = reply_head(reply)->body;
    struct buf text = BUF_NULL;

    if (fixed)
        return MHD_create_response_from_buffer(strlen(fixed), (void *)(uintptr_t)fixed,
                                               MHD_RESPMEM_PERSISTENT);
    struct MHD_Response *response = NULL;
    if (http_reply_text(connection->http, reply, message, &text) == 0)
        response = MHD_create_response_from_buffer(text.len, text.at, MHD_RESPMEM_MUST_FREE);
    if (response)
        http_reply_count(connection, text.cap);
    else
        buf_done(&text);
    return response;
}

struct MHD_Response *http_reply_make(struct http_connection *connection, enum reply reply,
                                     struct span message)
{
    const struct reply_head *head = reply_head(reply);
    struct MHD_Response *response = http_reply_body(connection, reply, message);

    if (!response)
        return NULL;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, head->content_type);
    (void)MHD_add_response_header(response, REQUEST_ID_HEADER, connection->request.id);
    if (head->header)
        (void)MHD_add_response_header(response, head->header, head->value);
    if (connection->http->draining)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    return response;
}

enum MHD_Result http_reply_queue(struct http_connection *connection)
{
    struct MHD_Response *response = connection->response;

    if (!response)
        return MHD_NO; /* there was no memory to make one */
    enum MHD_Result queued = MHD_queue_response(connection->mhd, connection->status, response);
    MHD_destroy_response(response);
    connection->response = NULL;
    return queued;
}

enum MHD_Result http_reply_queue_early(struct http_connection *connection)
{
    connection->cut_short = true;
    return http_reply_queue(connection);
}

void http_reply_done(struct http_connection *connection)
{
    if (connection->response)
        MHD_destroy_response(connection->response);
    connection->response = NULL;
    http_reply_count(connection, 0);
}
