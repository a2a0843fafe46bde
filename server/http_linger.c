/* SPDX-License-Identifier: MIT */
/*
 * Connections that stay open for a while after the last answer, since the client still sends.
 */
#include "server/http_linger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/util.h"

enum {
    HTTP_LINGER_MAX = 32, /* sockets; a further one closes the oldest */
    HTTP_LINGER_MS = 5000,
    HTTP_LINGER_PIECE_BYTES = 64 * 1024, /* thrown away in one turn of the loop */
};

struct http_linger_socket {
    struct http_linger *linger;
    struct loop_fd source;
    int64_t deadline_ms;
    TAILQ_ENTRY(http_linger_socket) link;
};

static void http_linger_end(struct http_linger_socket *socket)
{
    struct http_linger *linger = socket->linger;

    TAILQ_REMOVE(&linger->sockets, socket, link);
    linger->len--;
    loop_fd_remove(linger->loop, &socket->source);
    closep(&socket->source.fd);
    free(socket);
}

static void http_linger_ready(void *ctx, uint32_t events)
{
    struct http_linger_socket *socket = ctx;
    char unread[HTTP_LINGER_PIECE_BYTES];
    ssize_t len = recv(socket->source.fd, unread, sizeof(unread), MSG_DONTWAIT);

    (void)events;
    if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR))
        http_linger_end(socket);
}

static void http_linger_set_timer(struct http_linger *linger)
{
    const struct http_linger_socket *first = TAILQ_FIRST(&linger->sockets);

    if (first)
        loop_timer_set(linger->loop, &linger->deadline_timer, first->deadline_ms);
}

static void http_linger_deadline(void *ctx)
{
    struct http_linger *linger = ctx;
    struct http_linger_socket *first;

    while ((first = TAILQ_FIRST(&linger->sockets)) &&
           first->deadline_ms <= loop_now_ms(linger->loop))
        http_linger_end(first);
    http_linger_set_timer(linger);
}

void http_linger_init(struct http_linger *linger, struct loop *loop)
{
    *linger = (struct http_linger){
        .loop = loop,
        .deadline_timer = {.fn = http_linger_deadline, .ctx = linger},
    };
    TAILQ_INIT(&linger->sockets);
}

void http_linger_done(struct http_linger *linger)
{
    struct http_linger_socket *first;

    while ((first = TAILQ_FIRST(&linger->sockets)))
        http_linger_end(first);
    loop_timer_clear(linger->loop, &linger->deadline_timer);
}

void http_linger_on(struct http_linger *linger, int fd)
{
    cleanup(freep) struct http_linger_socket *socket = calloc(1, sizeof(*socket));
    cleanup(closep) int own_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (!socket || own_fd < 0)
        return;
    socket->linger = linger;
    socket->source = (struct loop_fd){.fd = own_fd, .fn = http_linger_ready, .ctx = socket};
    if (loop_fd_add(linger->loop, &socket->source, EPOLLIN))
        return;
    own_fd = -1;
    socket->deadline_ms = loop_now_ms(linger->loop) + HTTP_LINGER_MS;
    TAILQ_INSERT_TAIL(&linger->sockets, socket, link);
    (void)take(socket);
    if (++linger->len > HTTP_LINGER_MAX)
        http_linger_end(TAILQ_FIRST(&linger->sockets));
    http_linger_set_timer(linger);
}
