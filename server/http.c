/* SPDX-License-Identifier: MIT */
/*
 * libmicrohttpd on the loop.
 *
 * The daemon has neither a thread nor listening sockets (those are in http_door.c). Its epoll
 * descriptor is a source of the loop. MHD_run() is called once a turn, before the wait, in three
 * cases: that descriptor is ready; a connection was resumed, which MHD_get_timeout() of 0.9.75 does
 * not report; or libmicrohttpd says that it has more to do. The last one matters since its own
 * epoll is edge-triggered: without another run, data would stay unread.
 */
#include "server/http.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/log.h"
#include "server/http_access.h"
#include "server/http_connection.h"
#include "server/http_cutoff.h"
#include "server/http_head.h"

enum {
    HTTP_POOL_BYTES = 16 * 1024, /* for the head of each request */
    HTTP_ROUNDS_MAX = 16,        /* MHD_run() in one turn of the loop */
};

/* ---- connections ---- */

static void http_connected(struct http *http, struct MHD_Connection *mhd, void **context)
{
    struct http_connection *connection = calloc(1, sizeof(*connection));

    *context = connection; /* where it is NULL, http_access() refuses the request */
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
    /* MHD has shut the sending side, and closes the socket when this function returns. */
    if (connection->cut_short)
        http_linger_on(&connection->http->linger, http_connection_fd(connection));
    if (connection->wait != HTTP_GONE)
        http_connection_free(connection);
    *context = NULL;
}

static void http_connection_changed(void *ctx, struct MHD_Connection *mhd, void **context,
                                    enum MHD_ConnectionNotificationCode code)
{
    struct http *http = ctx;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        http->connections++;
        http_connected(http, mhd, context);
        http_cutoff_admitted(http);
    } else {
        http->connections--;
        http_disconnected(context);
        http_door_client_left(&http->door);
    }
}

/* ---- the loop ---- */

static unsigned http_room(void *ctx)
{
    const struct http *http = ctx;
    unsigned taken = http->connections + http->admitted;

    return taken < http->connections_max ? http->connections_max - taken : 0;
}

static void http_admit(void *ctx, int fd, const struct sockaddr *address, socklen_t len)
{
    struct http *http = ctx;
    unsigned connections = http->connections;

    (void)MHD_add_connection(http->daemon, fd, address, len);
    if (http->connections == connections)
        http->admitted++;
    http->ready = true;
}

static void http_ready(void *ctx, uint32_t events)
{
    struct http *http = ctx;

    (void)events;
    http->ready = true;
}

/* How long MHD allows the loop to wait, in ms; -1: any time. While an answer is awaited MHD would
 * ask for a run at once, again and again: await_timer limits the wait instead. */
static int http_timeout_ms(const struct http *http)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;

    if (http->awaited > 0 || MHD_get_timeout(http->daemon, &timeout_ms) != MHD_YES)
        return -1;
    return timeout_ms < INT32_MAX ? (int)timeout_ms : INT32_MAX;
}

/* Runs MHD until it has nothing to do. Returns how long the loop may wait, as a hook does. */
static int http_run(struct http *http)
{
    int timeout_ms = http_timeout_ms(http);

    for (int round = 0; round < HTTP_ROUNDS_MAX; round++) {
        if (!http->ready && !http->resumed && timeout_ms != 0)
            return timeout_ms;
        /* MHD writes the answer of a resumed connection in the run after the next. */
        timeout_ms = http->resumed ? 0 : -1;
        http->ready = http->resumed = false;
        (void)MHD_run(http->daemon);
        http->admitted = 0;
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
    /* While an answer is awaited, MHD is not asked whether it has more to read. */
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

static struct MHD_Daemon *http_start_daemon(struct http *http, const struct http_options *options)
{
    /* Cuts off clients that do not read their answer; http_cutoff.c has all other deadlines. */
    unsigned silence_s = (unsigned)((HTTP_IDLE_MS + options->request_timeout_ms) / 1000 + 1);

    return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
                                MHD_USE_ERROR_LOG,
                            0, NULL, NULL, http_access, http, MHD_OPTION_EXTERNAL_LOGGER, http_log,
                            NULL, /* first, so that errors of the other options are logged, too */
                            MHD_OPTION_CONNECTION_LIMIT, options->connections_max,       /**/
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_POOL_BYTES, /**/
                            MHD_OPTION_CONNECTION_TIMEOUT, silence_s,                    /**/
                            MHD_OPTION_STRICT_FOR_CLIENT, http_head_strictness(),        /**/
                            MHD_OPTION_URI_LOG_CALLBACK, http_access_target, http,       /**/
                            MHD_OPTION_NOTIFY_CONNECTION, http_connection_changed, http, /**/
                            MHD_OPTION_NOTIFY_COMPLETED, http_access_completed, http,    /**/
                            MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,                        /**/
                            MHD_OPTION_END);
}

int http_new(struct loop *loop, struct service *service, const struct http_options *options,
             struct http **out)
{
    cleanup(http_freep) struct http *http = calloc(1, sizeof(*http));

    if (!http) {
        listeners_close(options->listeners);
        return error_origin(-ENOMEM);
    }
    http->loop = loop;
    http->service = service;
    http->endpoints = options->endpoints;
    http->max_body_bytes = options->max_body_bytes;
    http->request_timeout_ms = options->request_timeout_ms;
    http->connections_max = options->connections_max;
    http_cutoff_init(http);
    http_linger_init(&http->linger, loop);
    http->door =
        (struct http_door){.loop = loop, .room = http_room, .admit = http_admit, .ctx = http};
    int r = http_door_open(&http->door, options->listeners);
    if (r)
        return r;
    http->await_timer = (struct loop_timer){.fn = http_access_await, .ctx = http};
    http->daemon = http_start_daemon(http, options);
    if (!http->daemon)
        return error_origin(-EIO);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    http->source = (struct loop_fd){.fd = info->epoll_fd, .fn = http_ready, .ctx = http};
    r = loop_fd_add(loop, &http->source, EPOLLIN);
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
    http_door_done(&http->door);
    if (http->daemon)
        MHD_stop_daemon(http->daemon);
    http_cutoff_done(http);
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
    http_door_close(&http->door);
}

bool http_is_drained(const struct http *http)
{
    return !http_door_is_open(&http->door) && http->admitted == 0 && http->busy == 0 &&
           !http_cutoff_any_begun(http);
}

int http_busy(const struct http *http)
{
    return http->busy;
}

unsigned http_clients(const struct http *http)
{
    return http->connections;
}
