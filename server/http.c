/* SPDX-License-Identifier: MIT */
/*
 * libmicrohttpd on the loop.
 *
 * The daemon has no thread of its own: its epoll descriptor is one of the loop's sources, and it
 * runs once a turn, before the wait, when that descriptor has something, when a connection was
 * resumed (which MHD_get_timeout() of 0.9.75 does not see), or when it says that it has more to do
 * (its epoll is edge-triggered inside: not coming back would leave data lying).
 */
#include "server/http.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/log.h"
#include "server/http_body.h"
#include "server/http_connection.h"
#include "server/http_cutoff.h"
#include "server/http_head.h"

enum {
    HTTP_POOL_BYTES = 16 * 1024, /* a connection's memory; cleared for each request */
    HTTP_ROUNDS_MAX = 16,        /* of MHD_run in a turn, before the others get theirs */
    HTTP_SHUT_MAX = 2,           /* runs that let nobody in although somebody knocks */
    HTTP_REST_MS = 100,          /* between two attempts to accept that come to nothing */
};

/* ---- connections ---- */

int http_connection_fd(const struct http_connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info ? info->connect_fd : -1;
}

void http_connection_free(struct http_connection *connection)
{
    buf_done(&connection->target);
    buf_done(&connection->request.body);
    http_body_count(connection);
    free(connection->request.note);
    free(connection);
}

static void http_connected(struct http *http, struct MHD_Connection *mhd, void **context)
{
    struct http_connection *connection = calloc(1, sizeof(*connection));

    http->arrivals++;
    *context = connection; /* without one, its first request is refused */
    if (!connection)
        return;
    connection->http = http;
    connection->mhd = mhd;
    connection->request.reply = http_access_reply;
    http_cutoff_watch(connection, &http->receiving);
}

static void http_disconnected(void **context)
{
    struct http_connection *connection = *context;

    if (!connection)
        return;
    http_cutoff_watch(connection, NULL);
    /* MHD has shut the sending side, and closes when this returns. */
    if (connection->cut_short)
        http_linger_on(&connection->http->linger, http_connection_fd(connection));
    if (connection->wait != HTTP_GONE)
        http_connection_free(connection);
    *context = NULL;
}

static void http_notify(void *ctx, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode code)
{
    struct http *http = ctx;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        http->connections++;
        http_connected(http, mhd, context);
        http_cutoff_admitted(http);
    } else {
        http->connections--;
        http->ready = true; /* MHD opens its door again, if it was shut, when it runs next */
        http_disconnected(context);
    }
}

/* ---- the loop ---- */

bool http_knocked(const struct http *http)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_LISTEN_FD);
    struct pollfd door = {.events = POLLIN};

    if (!info || info->listen_fd < 0 || http->draining)
        return false;
    door.fd = info->listen_fd;
    return poll(&door, 1, 0) > 0;
}

/*
 * With no descriptor left and nobody connected MHD tries to accept for ever: it waits only where
 * there is a connection whose end would free one. Once may be chance: who knocks may have come just
 * now.
 */
static void http_rest_if_shut(struct http *http)
{
    if (!http_knocked(http)) {
        http->shut = 0;
        return;
    }
    if (++http->shut < HTTP_SHUT_MAX)
        return;
    http->shut = 0;
    (void)loop_fd_change(http->loop, &http->source, 0);
    loop_timer_set(http->loop, &http->rested, loop_now_ms(http->loop) + HTTP_REST_MS);
}

static void http_rested(void *ctx)
{
    struct http *http = ctx;

    (void)loop_fd_change(http->loop, &http->source, EPOLLIN);
}

static void http_ready(void *ctx, uint32_t events)
{
    struct http *http = ctx;

    (void)events;
    http->ready = true;
}

/*
 * MHD's own limit on the wait in ms; -1: none. It would run all the time while an answer is
 * awaited: then await_timer says when, at the latest.
 */
static int http_timeout_ms(const struct http *http)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;

    if (http->awaited > 0 || MHD_get_timeout(http->daemon, &timeout_ms) != MHD_YES)
        return -1;
    return timeout_ms < INT32_MAX ? (int)timeout_ms : INT32_MAX;
}

/* How long the wait may be, as of a hook. */
static int http_run(struct http *http)
{
    int timeout_ms = http_timeout_ms(http);

    for (int round = 0; round < HTTP_ROUNDS_MAX; round++) {
        if (!http->ready && !http->resumed && timeout_ms != 0)
            return timeout_ms;
        /* What is resumed or awaited no longer is written in the run after the next. */
        timeout_ms = http->resumed ? 0 : -1;
        http->ready = http->resumed = false;
        uint64_t arrivals = http->arrivals;
        bool alone = http->connections == 0;
        (void)MHD_run(http->daemon);
        if (alone && http->arrivals == arrivals)
            http_rest_if_shut(http);
        else
            http->shut = 0;
        if (timeout_ms != 0)
            timeout_ms = http_timeout_ms(http);
    }
    return 0;
}

static int http_before_wait(void *ctx)
{
    struct http *http = ctx;

    http->ready |= http->late > 0;
    int wait_ms = http_run(http);
    /* While an answer is awaited, nobody asks MHD whether it has more. */
    if (http->late > 0)
        http_cutoff_judge(http, wait_ms == 0 || http->awaited > 0);
    return wait_ms;
}

/* ---- start and stop ---- */

printf_like(2, 0) static void http_log(void *ctx, const char *format, va_list args)
{
    char text[256];

    (void)ctx;
    (void)vsnprintf(text, sizeof(text), format, args);
    text[strcspn(text, "\r\n")] = '\0';
    log_debug("libmicrohttpd", "said", text);
}

static struct MHD_Daemon *http_start(struct http *http, const struct http_options *options)
{
    /* Only for a client that does not read its answer: everything else has its own deadline. */
    unsigned silence_s = (unsigned)((HTTP_IDLE_MS + options->request_timeout_ms) / 1000 + 1);

    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL,
                            NULL, http_access, http, MHD_OPTION_EXTERNAL_LOGGER, http_log,
                            NULL, /* first, so that it sees everything */
                            MHD_OPTION_LISTEN_SOCKET, options->listen_fd,                /**/
                            MHD_OPTION_CONNECTION_LIMIT, options->connections_max,       /**/
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_POOL_BYTES, /**/
                            MHD_OPTION_CONNECTION_TIMEOUT, silence_s,                    /**/
                            MHD_OPTION_STRICT_FOR_CLIENT, http_head_strictness(),        /**/
                            MHD_OPTION_URI_LOG_CALLBACK, http_access_target, http,       /**/
                            MHD_OPTION_NOTIFY_CONNECTION, http_notify, http,             /**/
                            MHD_OPTION_NOTIFY_COMPLETED, http_access_completed, http,    /**/
                            MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,                        /**/
                            MHD_OPTION_END);
}

int http_new(struct loop *loop, struct service *service, const struct http_options *options,
             struct http **out)
{
    cleanup(http_freep) struct http *http = calloc(1, sizeof(*http));
    cleanup(closep) int listen_fd = options->listen_fd;

    if (!http)
        return error_origin(-ENOMEM);
    http->loop = loop;
    http->service = service;
    http->endpoints = options->endpoints;
    http->max_body_bytes = options->max_body_bytes;
    http->request_timeout_ms = options->request_timeout_ms;
    http->connections_max = options->connections_max;
    http_cutoff_init(http);
    http_linger_init(&http->linger, loop);
    http->rested = (struct loop_timer){.fn = http_rested, .ctx = http};
    http->await_timer = (struct loop_timer){.fn = http_access_await, .ctx = http};
    http->daemon = http_start(http, options);
    if (!http->daemon)
        return error_origin(-EIO);
    listen_fd = -1; /* MHD closes it */
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    http->source = (struct loop_fd){.fd = info->epoll_fd, .fn = http_ready, .ctx = http};
    int r = loop_fd_add(loop, &http->source, EPOLLIN);
    if (r)
        return r;
    http->hook = (struct loop_hook){.before_wait = http_before_wait, .ctx = http};
    loop_hook_add(loop, &http->hook);
    *out = take(http);
    return 0;
}

struct http *http_free(struct http *http)
{
    if (!http)
        return NULL;
    if (http->hook.before_wait) {
        loop_hook_remove(http->loop, &http->hook);
        loop_fd_remove(http->loop, &http->source);
    }
    if (http->daemon)
        MHD_stop_daemon(http->daemon);
    http_cutoff_done(http);
    loop_timer_clear(http->loop, &http->rested);
    loop_timer_clear(http->loop, &http->await_timer);
    http_linger_done(&http->linger);
    free(http);
    return NULL;
}

void http_drain(struct http *http)
{
    if (http->draining)
        return;
    http->draining = true;
    /* Whoever the kernel has already let in is served: closing the socket would reset them. */
    for (int round = 0; round < HTTP_ROUNDS_MAX; round++)
        (void)MHD_run(http->daemon);
    int listen_fd = MHD_quiesce_daemon(http->daemon);
    if (listen_fd >= 0)
        (void)close(listen_fd);
}

int http_busy(const struct http *http)
{
    return http->busy;
}

unsigned http_clients(const struct http *http)
{
    return http->connections;
}
