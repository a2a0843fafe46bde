/* SPDX-License-Identifier: MIT */
#include "server/http_cutoff.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>

#include "server/http_connection.h"

enum {
    HTTP_LEFT_TICK_MS = 1000,   /* between two looks for clients that have left unseen */
    HTTP_LEFT_POLLED_MAX = 512, /* clients in one of the kernel's answers to that */
    HTTP_NEW_MS = 500,          /* connected for less: about to send its first request */
    HTTP_LATE_TURNS = 64,       /* in which MHD reads as much as the kernel holds of a body */

    HTTP_CROWD_TICK_MS = 100,    /* between two looks while all connections are taken */
    HTTP_CROWD_IDLE_MS = 1000,   /* unused for so long after a request: may go then */
    HTTP_CROWD_SILENT_MS = 5000, /* without an event's head for so long: may go, too */
    HTTP_CROWD_SHARE = 16,       /* of all connections, and one more, may go at once */
};

/* ---- deadlines ---- */

static int64_t http_limit_ms(const struct http *http, const struct http_connections *list)
{
    return list == &http->receiving ? http->request_timeout_ms : (int64_t)HTTP_IDLE_MS;
}

static int64_t http_first_deadline(const struct http *http)
{
    const struct http_connection *receiving = TAILQ_FIRST(&http->receiving);
    const struct http_connection *idle = TAILQ_FIRST(&http->idle);

    if (!receiving || !idle)
        return receiving ? receiving->deadline_ms : idle ? idle->deadline_ms : INT64_MAX;
    return receiving->deadline_ms < idle->deadline_ms ? receiving->deadline_ms : idle->deadline_ms;
}

/* The timer may go off for nothing; it never goes off late. */
static void http_set_timer(struct http *http)
{
    int64_t first_ms = http_first_deadline(http);

    if (first_ms == INT64_MAX || http->late > 0)
        return;
    if (!heap_linked(&http->deadline_timer.node) || first_ms < http->deadline_timer.at_ms)
        loop_timer_set(http->loop, &http->deadline_timer, first_ms);
}

void http_cutoff_watch(struct http_connection *connection, struct http_connections *list)
{
    struct http *http = connection->http;

    if (connection->list)
        TAILQ_REMOVE(connection->list, connection, link);
    connection->list = list;
    if (!list)
        return;
    connection->deadline_ms = loop_now_ms(http->loop) + http_limit_ms(http, list);
    TAILQ_INSERT_TAIL(list, connection, link);
    http_set_timer(http);
    if (list == &http->receiving && !heap_linked(&http->left_timer.node))
        loop_timer_set(http->loop, &http->left_timer, loop_now_ms(http->loop) + HTTP_LEFT_TICK_MS);
}

/* MHD sees the end of the stream and closes. */
static void http_cut_off(struct http_connection *connection)
{
    http_cutoff_watch(connection, NULL);
    (void)shutdown(http_connection_fd(connection), SHUT_RDWR);
}

static void http_cut_off_late(struct http *http, struct http_connections *list)
{
    struct http_connection *connection;

    while ((connection = TAILQ_FIRST(list)) && connection->deadline_ms <= loop_now_ms(http->loop))
        http_cut_off(connection);
}

/* MHD runs first: when this process itself was late, what came in time is not read yet. */
static void http_deadline(void *ctx)
{
    struct http *http = ctx;

    http->late = 1;
}

/* It has more to read: then not yet, unless there is no end to that. */
void http_cutoff_judge(struct http *http, bool has_more)
{
    if (has_more && http->late++ < HTTP_LATE_TURNS)
        return;
    http->late = 0;
    http_cut_off_late(http, &http->receiving);
    http_cut_off_late(http, &http->idle);
    http_set_timer(http);
}

/* ---- clients that have left ---- */

static void http_wake_ended(struct pollfd *clients, nfds_t len)
{
    if (poll(clients, len, 0) <= 0)
        return;
    for (nfds_t i = 0; i < len; i++) {
        if (clients[i].revents)
            (void)shutdown(clients[i].fd, SHUT_RD);
    }
}

/*
 * MHD takes a short read for the end of what there is, and its epoll is edge-triggered: the end of
 * a stream that has come together with the last bytes is never seen, and what has arrived of the
 * body would be held until the deadline. Shutting the side that has ended wakes MHD's epoll again.
 */
static void http_left_tick(void *ctx)
{
    struct http *http = ctx;
    struct http_connection *connection;
    struct pollfd clients[HTTP_LEFT_POLLED_MAX];
    nfds_t len = 0;

    for (connection = TAILQ_FIRST(&http->receiving); connection;
         connection = TAILQ_NEXT(connection, link)) {
        clients[len++] = (struct pollfd){.fd = http_connection_fd(connection), .events = POLLRDHUP};
        if (len == HTTP_LEFT_POLLED_MAX) {
            http_wake_ended(clients, len);
            len = 0;
        }
    }
    http_wake_ended(clients, len);
    if (!TAILQ_EMPTY(&http->receiving))
        loop_timer_set(http->loop, &http->left_timer, loop_now_ms(http->loop) + HTTP_LEFT_TICK_MS);
}

/* ---- a crowd ---- */

/* The kernel holds something of it that MHD has not read. An end is nothing. */
static bool http_has_sent(const struct http_connection *connection)
{
    char first;

    return recv(http_connection_fd(connection), &first, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Its secret has been seen, and what comes is an event. */
static bool http_brings_event(const struct http_connection *connection)
{
    return connection->entered && connection->endpoint && connection->endpoint->reads_envelope;
}

/* Cuts off some that have not been used for so long, oldest first; returns how many. */
static unsigned http_make_room(struct http *http, struct http_connections *list, int64_t unused_ms,
                               unsigned at_most)
{
    int64_t latest_ms = loop_now_ms(http->loop) + http_limit_ms(http, list) - unused_ms;
    struct http_connection *connection, *next;
    unsigned gone = 0;

    for (connection = TAILQ_FIRST(list); connection && gone < at_most; connection = next) {
        next = TAILQ_NEXT(connection, link);
        if (connection->deadline_ms > latest_ms)
            break;
        if (http_brings_event(connection) || http_has_sent(connection))
            continue;
        http_cut_off(connection);
        gone++;
    }
    return gone;
}

/* While all connections are taken MHD does not look who waits. */
static void http_crowd_tick(void *ctx)
{
    struct http *http = ctx;
    unsigned room = http->connections_max / HTTP_CROWD_SHARE + 1;

    if (http->connections < http->connections_max)
        return;
    loop_timer_set(http->loop, &http->crowd_timer, loop_now_ms(http->loop) + HTTP_CROWD_TICK_MS);
    if (!http_door_knocked(&http->door))
        return;
    unsigned gone = http_make_room(http, &http->idle, HTTP_CROWD_IDLE_MS, room);
    gone += http_make_room(http, &http->receiving, HTTP_CROWD_SILENT_MS, room - gone);
    if (gone > 0 && log_sum_first(&http->crowded))
        log_warn(http->crowded.message, "connections", log_number(http->connections_max));
}

void http_cutoff_admitted(struct http *http)
{
    if (http->connections >= http->connections_max && !heap_linked(&http->crowd_timer.node))
        loop_timer_set(http->loop, &http->crowd_timer,
                       loop_now_ms(http->loop) + HTTP_CROWD_TICK_MS);
}

/* ---- a stop ---- */

/* Whether anything has come, ever; of a socket that is not TCP: that MHD has not read. */
static bool http_has_ever_sent(const struct http_connection *connection)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);

    if (getsockopt(http_connection_fd(connection), IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
        len >= offsetof(struct tcp_info, tcpi_bytes_received) + sizeof(info.tcpi_bytes_received))
        return info.tcpi_bytes_received > 0;
    return http_has_sent(connection);
}

/* Of one that receives. MHD tells when a request line is whole, and not what it holds before. */
static bool http_has_begun(const struct http *http, const struct http_connection *connection)
{
    if (connection->entered)
        return false; /* it is busy */
    if (connection->target.len > 0 || http_has_ever_sent(connection))
        return true;
    int64_t since_ms = connection->deadline_ms - http_limit_ms(http, &http->receiving);
    return loop_now_ms(http->loop) - since_ms < HTTP_NEW_MS;
}

bool http_cutoff_any_begun(const struct http *http)
{
    const struct http_connection *connection;

    for (connection = TAILQ_FIRST(&http->receiving); connection;
         connection = TAILQ_NEXT(connection, link)) {
        if (http_has_begun(http, connection))
            return true;
    }
    for (connection = TAILQ_FIRST(&http->idle); connection;
         connection = TAILQ_NEXT(connection, link)) {
        if (http_has_sent(connection))
            return true;
    }
    return false;
}

/* ---- start and stop ---- */

void http_cutoff_init(struct http *http)
{
    TAILQ_INIT(&http->receiving);
    TAILQ_INIT(&http->idle);
    http->deadline_timer = (struct loop_timer){.fn = http_deadline, .ctx = http};
    http->left_timer = (struct loop_timer){.fn = http_left_tick, .ctx = http};
    http->crowd_timer = (struct loop_timer){.fn = http_crowd_tick, .ctx = http};
    log_sum_init(&http->crowded, http->loop, LOG_WARN,
                 "all connections are taken: those that nobody uses are closed", NULL);
}

void http_cutoff_done(struct http *http)
{
    loop_timer_clear(http->loop, &http->deadline_timer);
    loop_timer_clear(http->loop, &http->left_timer);
    loop_timer_clear(http->loop, &http->crowd_timer);
    log_sum_done(&http->crowded);
}
