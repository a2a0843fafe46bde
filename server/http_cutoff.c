/* SPDX-License-Identifier: MIT */
#include "server/http_cutoff.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>

#include "server/http_connection.h"

enum {
    HTTP_LEFT_CHECK_MS = 1000,  /* between two checks for clients that have left unseen */
    HTTP_LEFT_POLLED_MAX = 512, /* clients in one call of poll(2) */
    HTTP_NEW_MS = 500,    /* for so long a new client counts as about to send its first request */
    HTTP_LATE_TURNS = 64, /* turns of the loop, in which MHD reads what the kernel holds */

    HTTP_CROWD_CHECK_MS = 100,   /* between two checks while all connections are taken */
    HTTP_CROWD_IDLE_MS = 1000,   /* a connection without a request for so long may be cut off */
    HTTP_CROWD_SILENT_MS = 5000, /* the same for one on which no event has begun to arrive */
    HTTP_CROWD_SHARE = 16, /* one of so many connections is cut off at a time at most, plus one */
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

/* Sets the timer for the first deadline. If that deadline is moved, the timer goes off too early;
 * it never goes off too late. */
static void http_set_timer(struct http *http)
{
    int64_t first_ms = http_first_deadline(http);

    if (first_ms == INT64_MAX || http->late > 0)
        return;
    if (!loop_timer_is_set(&http->deadline_timer) || first_ms < http->deadline_timer.at_ms)
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
    if (list == &http->receiving && !loop_timer_is_set(&http->left_timer))
        loop_timer_set(http->loop, &http->left_timer, loop_now_ms(http->loop) + HTTP_LEFT_CHECK_MS);
}

/* Shuts the socket: MHD sees the end of the stream and closes. */
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

/* Nobody is cut off here: if the relay itself was late, MHD must read first what came in time. */
static void http_deadline(void *ctx)
{
    struct http *http = ctx;

    http->late = 1;
}

/* A client may send without end, so MHD's reading is waited for HTTP_LATE_TURNS at most. */
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
 * Finds clients that have left unseen. MHD takes a short read for the end of what there is, and its
 * epoll is edge-triggered. So the end of a stream that comes together with the last bytes is never
 * seen, and the part of a body that has arrived would be held until the deadline. Shutting the side
 * that has ended wakes MHD's epoll again.
 */
static void http_check_left(void *ctx)
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
        loop_timer_set(http->loop, &http->left_timer, loop_now_ms(http->loop) + HTTP_LEFT_CHECK_MS);
}

/* ---- a crowd ---- */

/* Whether the kernel holds bytes of the client that MHD has not read. The end of a stream does not
 * count. */
static bool http_has_sent(const struct http_connection *connection)
{
    char first;

    return recv(http_connection_fd(connection), &first, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Whether an event is arriving whose secret was right. */
static bool http_brings_event(const struct http_connection *connection)
{
    return connection->entered && connection->endpoint && connection->endpoint->reads;
}

/* Cuts off connections of the list that have been unused for unused_ms, oldest first. Returns how
 * many. */
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

/* Makes room while all connections are taken and a client waits at the door. */
static void http_check_crowd(void *ctx)
{
    struct http *http = ctx;
    unsigned room = http->connections_max / HTTP_CROWD_SHARE + 1;

    if (http->connections < http->connections_max)
        return;
    loop_timer_set(http->loop, &http->crowd_timer, loop_now_ms(http->loop) + HTTP_CROWD_CHECK_MS);
    if (!http_door_knocked(&http->door))
        return;
    unsigned gone = http_make_room(http, &http->idle, HTTP_CROWD_IDLE_MS, room);
    gone += http_make_room(http, &http->receiving, HTTP_CROWD_SILENT_MS, room - gone);
    if (gone > 0 && log_sum_first(&http->crowded))
        log_warn(http->crowded.message, "connections", log_number(http->connections_max));
}

void http_cutoff_admitted(struct http *http)
{
    if (http->connections >= http->connections_max && !loop_timer_is_set(&http->crowd_timer))
        loop_timer_set(http->loop, &http->crowd_timer,
                       loop_now_ms(http->loop) + HTTP_CROWD_CHECK_MS);
}

/* ---- a stop ---- */

/* Whether the client has ever sent a byte. Sockets other than TCP only tell of bytes that MHD has
 * not read. */
static bool http_has_ever_sent(const struct http_connection *connection)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);

    if (getsockopt(http_connection_fd(connection), IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
        len >= offsetof(struct tcp_info, tcpi_bytes_received) + sizeof(info.tcpi_bytes_received))
        return info.tcpi_bytes_received > 0;
    return http_has_sent(connection);
}

/* Whether a request has begun to arrive on a connection of http->receiving. MHD tells that only
 * once the request line is whole. */
static bool http_has_begun(const struct http *http, const struct http_connection *connection)
{
    if (connection->entered)
        return false; /* http->busy counts it */
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
    http->left_timer = (struct loop_timer){.fn = http_check_left, .ctx = http};
    http->crowd_timer = (struct loop_timer){.fn = http_check_crowd, .ctx = http};
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
