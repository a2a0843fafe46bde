/* SPDX-License-Identifier: MIT */
/* A client's connection. */
#include "server/http_connection.h"

int http_connection_fd(const struct http_connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info ? info->connect_fd : -1;
}

void http_connection_observe(const struct http_connection *connection, enum reply reply)
{
    const struct http *http = connection->http;

    if (connection->endpoint ? connection->endpoint->observed : http->endpoints->observed)
        observe_reply(&http->service->observed, &connection->request, reply,
                      loop_now_ms(http->loop) - connection->began_ms);
}

void http_connection_count_body(struct http_connection *connection)
{
    struct http *http = connection->http;
    size_t bytes = request_body_bytes(&connection->request);

    http->body_bytes += bytes;
    http->body_bytes -= connection->counted_bytes;
    connection->counted_bytes = bytes;
}

void http_connection_free(struct http_connection *connection)
{
    buf_done(&connection->target);
    request_done_body(&connection->request);
    http_connection_count_body(connection);
    free(connection->request.note);
    free(connection);
}
