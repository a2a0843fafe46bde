/* SPDX-License-Identifier: MIT */
/*
 * The callbacks of libmicrohttpd that a request passes through.
 *
 * http_access() is called at least twice for each request: when the head is there, for each piece
 * of the body, and when the body is whole.
 *
 *   head    Decides by the headers alone whether the request may pass. A refusal before a body is
 *           answered at once, which costs the connection. Without a body to come the refusal is
 *           answered when the request is whole, so that the connection lives on.
 *   pieces  are gathered, and the envelope is read while they arrive.
 *   whole   The handler runs. It answers, or the relay does so later.
 *
 * Suspending a connection costs three system calls, and a near Convex answers sooner than that is
 * worth. So a request without an answer is awaited first: MHD asks for the answer whenever it runs.
 * The connection is suspended only when the answer takes longer than HTTP_AWAIT_MS. Before that MHD
 * also watches the client, and may report that the client has left. Such a request goes on without
 * a connection, and the limit of connections does not hold for it: HTTP_GONE_MAX does.
 */
#include "server/http_access.h"

#include <ctype.h>
#include <sys/socket.h>

#include "server/http_body.h"
#include "server/http_connection.h"
#include "server/http_cutoff.h"
#include "server/http_head.h"
#include "server/http_reply.h"

enum {
    HTTP_AWAIT_MS = 2,
    HTTP_AWAITED_MAX = 64, /* past that, requests are suspended at once: a run asks for each */
    HTTP_GONE_MAX = 64,    /* the same past so many requests whose client has left */
    HTTP_ENCODING_SHOWN_MAX = 40, /* characters of a Content-Encoding in a refusal */
};

/* ---- answering ---- */

/* Gives the answer, which has been made, to MHD. */
static void http_wait_over(struct http_connection *connection)
{
    struct http *http = connection->http;
    enum http_wait wait = connection->wait;

    connection->wait = HTTP_NO_WAIT;
    if (wait == HTTP_NO_WAIT)
        return; /* the handler is still running, and http_access_whole() will queue the answer */
    http->resumed = true;
    if (wait == HTTP_AWAITED) {
        http->awaited--;
        return; /* MHD asks for the answer in its next run */
    }
    if (http_reply_queue(connection) != MHD_YES)
        (void)shutdown(http_connection_fd(connection), SHUT_RDWR);
    MHD_resume_connection(connection->mhd);
}

void http_access_reply(struct request *request, enum reply reply, struct span message)
{
    struct http_connection *connection = container_of(request, struct http_connection, request);
    struct http *http = connection->http;

    if (connection->wait == HTTP_GONE) {
        http_connection_observe(connection, reply);
        http->busy--;
        http->gone--;
        http_connection_free(connection);
        return;
    }
    connection->answered = true;
    connection->status = (unsigned)reply_head(reply)->status;
    connection->response = http_reply_make(connection, reply, message);
    http_connection_observe(connection, reply);
    http_wait_over(connection);
}

/* ---- the head ---- */

static const char http_no_memory[] = "Out of memory";

/* Answers before the body has arrived. */
static void http_refuse(struct http_connection *connection, enum reply reply, const char *why)
{
    connection->refused = true;
    request_reply_with(&connection->request, reply, span_of(why));
}

static void http_refuse_too_large(struct http_connection *connection)
{
    char why[HTTP_BODY_TOO_LARGE_MAX];

    http_body_say_too_large(connection, why);
    http_refuse(connection, REPLY_TOO_LARGE, why);
}

/* Shows the encoding in printable ASCII, since a header may hold any bytes. */
static void http_refuse_encoded(struct http_connection *connection, struct span encoding)
{
    static const char text[] = "The body must come as it is, without the Content-Encoding ";
    char why[sizeof(text) + HTTP_ENCODING_SHOWN_MAX];
    size_t len = sizeof(text) - 1;

    memcpy(why, text, len);
    for (size_t i = 0; i < encoding.len && i < HTTP_ENCODING_SHOWN_MAX; i++)
        why[len++] = (char)(isprint((unsigned char)encoding.at[i]) ? encoding.at[i] : '?');
    why[len] = '\0';
    http_refuse(connection, REPLY_ENCODED, why);
}

/* Refuses a body by what the head says about it. */
static void http_judge_body(struct http_connection *connection, const struct http_head *head)
{
    struct http *http = connection->http;

    if (http_body_is_too_large(http, head->content_length))
        http_refuse_too_large(connection);
    else if (!connection->endpoint->reads)
        return;
    else if (head->encoding.at)
        http_refuse_encoded(connection, head->encoding);
    else if (!http_body_has_room(http, head->content_length))
        http_refuse(connection, REPLY_UNAVAILABLE, http_body_too_many);
}

/* Finds the endpoint and asks its guard. */
static void http_route(struct http_connection *connection, const char *method,
                       const struct http_head *head)
{
    struct http *http = connection->http;
    int found = endpoints_find(http->endpoints, buf_span(&connection->target), method,
                               &connection->endpoint);

    if (found == ENDPOINTS_NO_PATH)
        http_refuse(connection, REPLY_NOT_FOUND, "");
    else if (found == ENDPOINTS_NO_METHOD)
        http_refuse(connection, connection->endpoint->wrong_method, "");
    if (found)
        return;
    int guarded = guard_pass(connection->endpoint->guard, http->service, &head->secret);
    if (guarded < 0)
        http_refuse(connection, REPLY_UNAVAILABLE, "The secret cannot be checked at the moment");
    else if (guarded == GUARD_REFUSED)
        http_refuse(connection, REPLY_UNAUTHORIZED, "");
    else
        http_judge_body(connection, head);
}

static enum MHD_Result http_access_head(struct http_connection *connection,
                                        const struct http_request_line *line)
{
    struct http_head head;
    enum reply refusal;
    const char *why;

    connection->entered = true;
    connection->http->busy++;
    connection->began_ms = loop_now_ms(connection->http->loop);
    int refused = http_head_read(connection->mhd, line, &head, &refusal, &why);
    request_id_take(&connection->http->service->ids, head.request_id, connection->request.id);
    if (connection->target_lost) {
        http_refuse(connection, REPLY_UNAVAILABLE, http_no_memory);
        return http_reply_queue_early(connection);
    }
    if (refused) {
        http_refuse(connection, refusal, why);
        return http_reply_queue_early(connection);
    }
    http_route(connection, line->method, &head);
    if (connection->refused && (head.chunked || head.content_length > 0))
        return http_reply_queue_early(connection);

    if (!connection->refused && connection->endpoint->reads)
        return http_body_begin(connection, head.content_length) ? MHD_NO : MHD_YES;
    return MHD_YES;
}

/* ---- waiting for the answer ---- */

void http_access_await(void *ctx)
{
    struct http *http = ctx;

    if (http->awaited == 0)
        return;
    http->ready = true;
    loop_timer_set(http->loop, &http->await_timer, loop_now_ms(http->loop) + HTTP_AWAIT_MS);
}

static void http_await(struct http_connection *connection)
{
    struct http *http = connection->http;

    connection->wait = HTTP_AWAITED;
    connection->suspend_at_ms = loop_now_ms(http->loop);
    if (http->awaited < HTTP_AWAITED_MAX && http->gone < HTTP_GONE_MAX)
        connection->suspend_at_ms += HTTP_AWAIT_MS;
    http->awaited++;
    if (!loop_timer_is_set(&http->await_timer))
        loop_timer_set(http->loop, &http->await_timer, connection->suspend_at_ms);
}

static void http_suspend(struct http_connection *connection)
{
    connection->http->awaited--;
    connection->wait = HTTP_SUSPENDED;
    MHD_suspend_connection(connection->mhd);
}

/* The request is whole. While it has no answer, MHD calls again in each run. */
static enum MHD_Result http_access_whole(struct http_connection *connection)
{
    http_cutoff_watch(connection, NULL);
    if (connection->wait == HTTP_NO_WAIT && !connection->answered) {
        connection->endpoint->handle(connection->http->service, &connection->request);
        http_connection_count_body(connection);
        if (!connection->answered)
            http_await(connection);
    }
    if (connection->answered)
        return http_reply_queue(connection);
    if (connection->suspend_at_ms <= loop_now_ms(connection->http->loop))
        http_suspend(connection);
    return MHD_YES;
}

/* ---- MHD's callbacks ---- */

static struct http_connection *http_access_connection(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

void *http_access_target(void *ctx, const char *target, struct MHD_Connection *mhd)
{
    struct http *http = ctx;
    struct http_connection *connection = http_access_connection(mhd);

    if (connection) {
        /* A request has begun. The target is kept now, since MHD decodes the path in place and cuts
         * it at a NUL. */
        connection->target.len = 0;
        connection->target_lost = buf_append_span(&connection->target, span_of(target)) != 0;
        if (connection->list != &http->receiving)
            http_cutoff_watch(connection, &http->receiving);
    }
    return NULL;
}

enum MHD_Result http_access(void *ctx, struct MHD_Connection *mhd, const char *url,
                            const char *method, const char *version, const char *data,
                            size_t *data_len, void **request)
{
    struct http *http = ctx;

    if (!*request) {
        struct http_connection *connection = http_access_connection(mhd);
        if (!connection)
            return MHD_NO;
        struct http_request_line line = {method, buf_span(&connection->target), url, version};
        *request = connection;
        return http_access_head(connection, &line);
    }
    if (*data_len > 0) {
        struct span piece = {data, *data_len};
        *data_len = 0;
        http->ready = true; /* MHD may have more to read; http_timeout_ms() may not ask it */
        return http_body_piece(*request, piece);
    }
    return http_access_whole(*request);
}

static enum reply http_access_reply_like(unsigned status)
{
    switch (status) {
    case MHD_HTTP_CONTENT_TOO_LARGE:
        return REPLY_TOO_LARGE;
    case MHD_HTTP_URI_TOO_LONG:
    case MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE:
        return REPLY_HEADERS_TOO_LARGE;
    default:
        return REPLY_BAD_REQUEST;
    }
}

/* Counts an answer that MHD has given unasked, to a head or a chunk that it refuses. Without such
 * an answer the client has left. */
static void http_observe_mhd(struct http_connection *connection)
{
    const union MHD_ConnectionInfo *answer =
        MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_HTTP_STATUS);

    if (!answer)
        return;
    connection->cut_short = true;
    if (!connection->entered) {
        connection->began_ms = loop_now_ms(connection->http->loop);
        request_id_take(&connection->http->service->ids, SPAN_NULL, connection->request.id);
    }
    http_connection_observe(connection, http_access_reply_like(answer->http_status));
}

void http_access_completed(void *ctx, struct MHD_Connection *mhd, void **request,
                           enum MHD_RequestTerminationCode why)
{
    struct http *http = ctx;
    struct http_connection *connection = *request ? *request : http_access_connection(mhd);

    (void)why;
    *request = NULL;
    if (!connection)
        return;
    if (!connection->answered)
        http_observe_mhd(connection);
    if (!connection->entered)
        return;
    if (connection->wait == HTTP_AWAITED) {
        http->awaited--;
        http->gone++;
        connection->wait = HTTP_GONE; /* the request stays busy until the relay has answered */
        return;
    }
    request_done_body(&connection->request);
    http_connection_count_body(connection);
    http_reply_done(connection);
    free(connection->request.note);
    connection->request.note = NULL;
    connection->endpoint = NULL;
    connection->entered = connection->refused = connection->answered = false;
    connection->received = 0;
    http->busy--;
    http_cutoff_watch(connection, &http->idle);
}
