/* SPDX-License-Identifier: MIT */
/*
 * Connections that stay open for a while after the last answer, since the client still sends.
 *
 * Closing a socket with unread bytes resets the connection, and a reset can destroy the answer
 * before the client has read it (RFC 9112, section 9.6). So whatever still arrives is thrown away,
 * until the client closes or its time is up.
 */
#pragma once

#include <sys/queue.h>

#include "base/loop.h"

struct http_linger_socket;

struct http_linger {
    struct loop *loop;
    TAILQ_HEAD(, http_linger_socket) sockets; /* in the order of their deadlines */
    int len;                                  /* of sockets */
    struct loop_timer deadline_timer;         /* set while there are sockets */
};

void http_linger_init(struct http_linger *linger, struct loop *loop);

/* Closes all sockets. */
void http_linger_done(struct http_linger *linger);

/*
 * Keeps the connection open through a duplicate of fd, whose sending side the caller has shut. The
 * caller still closes fd. Without memory or descriptors the connection is not kept.
 */
void http_linger_on(struct http_linger *linger, int fd);
