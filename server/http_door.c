/* SPDX-License-Identifier: MIT */
#include "server/http_door.h"

#include <errno.h>
#include <linux/filter.h>
#include <poll.h>
#include <sys/epoll.h>

#include "base/util.h"

enum {
    HTTP_DOOR_ADMITTED_MAX = 64, /* clients in one turn of the loop */
    HTTP_DOOR_PAUSE_MS = 100,    /* after descriptors or memory for a client were missing */
    /* How long a close waits for what is on its way: the rest of a handshake, or of a head on a
     * connection that is there. */
    HTTP_DOOR_ON_ITS_WAY_MS = 50,
    HTTP_DOOR_CHECK_MS = 5, /* between two checks whether all clients are in */
};

/* ---- letting in ---- */

static void http_door_set_shut(struct http_door *door, bool shut)
{
    if (door->shut == shut)
        return;
    door->shut = shut;
    for (size_t i = 0; i < door->len; i++)
        (void)loop_fd_change(door->loop, &door->sockets[i].source, shut ? 0 : EPOLLIN);
}

static void http_door_pause(struct http_door *door)
{
    http_door_set_shut(door, true);
    loop_timer_set(door->loop, &door->pause_timer, loop_now_ms(door->loop) + HTTP_DOOR_PAUSE_MS);
}

static void http_door_end_pause(void *ctx)
{
    http_door_set_shut(ctx, false);
}

void http_door_client_left(struct http_door *door)
{
    if (door->shut && !loop_timer_is_set(&door->pause_timer))
        http_door_set_shut(door, false);
}

/* All other errors of accept(2) concern one client, which has left. */
static bool http_door_lacks_means(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void http_door_ready(void *ctx, uint32_t events)
{
    struct http_door_socket *socket = ctx;
    struct http_door *door = socket->door;

    (void)events;
    for (int n = 0; n < HTTP_DOOR_ADMITTED_MAX && !door->shut; n++) {
        struct sockaddr_storage address = {0};
        socklen_t len = sizeof(address);
        if (door->room(door->ctx) == 0) {
            http_door_set_shut(door, true);
            return;
        }
        int fd = accept4(socket->source.fd, (struct sockaddr *)&address, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            door->admit(door->ctx, fd, (struct sockaddr *)&address, len);
        else if (errno == EAGAIN)
            return;
        else if (http_door_lacks_means(errno))
            http_door_pause(door);
    }
}

bool http_door_knocked(const struct http_door *door)
{
    struct pollfd knocks[LISTENERS_MAX];

    for (size_t i = 0; i < door->len; i++)
        knocks[i] = (struct pollfd){.fd = door->sockets[i].source.fd, .events = POLLIN};
    return poll(knocks, door->len, 0) > 0;
}

/* ---- closing ---- */

/*
 * Makes the kernel drop new handshakes. Clients try again after a second, when the socket is closed
 * or another process has it. Handshakes that have begun go on. Where the kernel has no filters
 * (another system that passes for Linux), clients are let in until there is a moment without any.
 */
static void http_door_turn_away(int fd)
{
    enum { FLAGS = 13, SYN = 0x02 }; /* of the TCP header, RFC 9293, section 3.1 */
    struct sock_filter lines[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog filter = {array_len(lines), lines};

    (void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
}

static void http_door_end(struct http_door *door)
{
    while (door->len > 0) {
        struct http_door_socket *socket = &door->sockets[--door->len];
        loop_fd_remove(door->loop, &socket->source);
        closep(&socket->source.fd);
    }
}

static void http_door_check(void *ctx)
{
    struct http_door *door = ctx;

    if (http_door_knocked(door))
        loop_timer_set(door->loop, &door->close_timer,
                       loop_now_ms(door->loop) + HTTP_DOOR_CHECK_MS);
    else
        http_door_end(door);
}

void http_door_close(struct http_door *door)
{
    if (door->passed) {
        http_door_end(door);
        return;
    }
    for (size_t i = 0; i < door->len; i++)
        http_door_turn_away(door->sockets[i].source.fd);
    loop_timer_set(door->loop, &door->close_timer,
                   loop_now_ms(door->loop) + HTTP_DOOR_ON_ITS_WAY_MS);
}

bool http_door_is_open(const struct http_door *door)
{
    return door->len > 0;
}

/* ---- start and end ---- */

int http_door_open(struct http_door *door, struct listeners *listeners)
{
    door->pause_timer = (struct loop_timer){.fn = http_door_end_pause, .ctx = door};
    door->close_timer = (struct loop_timer){.fn = http_door_check, .ctx = door};
    door->passed = listeners->passed;
    while (listeners->len > 0) {
        struct http_door_socket *socket = &door->sockets[door->len];
        int fd = listeners->fds[listeners->len - 1];
        socket->door = door;
        socket->source = (struct loop_fd){.fd = fd, .fn = http_door_ready, .ctx = socket};
        int r = loop_fd_add(door->loop, &socket->source, EPOLLIN);
        if (r) {
            listeners_close(listeners);
            return r;
        }
        door->len++;
        listeners->len--;
    }
    return 0;
}

void http_door_done(struct http_door *door)
{
    http_door_end(door);
    loop_timer_clear(door->loop, &door->pause_timer);
    loop_timer_clear(door->loop, &door->close_timer);
}
