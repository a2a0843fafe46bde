/* SPDX-License-Identifier: MIT */
/*
 * Connections that have had their last answer while their client was still sending. To close one
 * with bytes unread is to reset it, and a reset can destroy the answer before the client reads it
 * (RFC 9112, section 9.6): what still comes is thrown away until the client closes, or for a while.
 */
#pragma once

#include <sys/queue.h>

#include "base/loop.h"

struct http_linger_socket;

struct http_linger {
    struct loop *loop;
    TAILQ_HEAD(, http_linger_socket) sockets; /* in the order of their deadlines */
    int len;
    struct loop_timer deadline_timer;
};

void http_linger_init(struct http_linger *linger, struct loop *loop);
/* Closes them all. */
void http_linger_done(struct http_linger *linger);

/*
 * Keeps the connection open for a while by a descriptor of its own: the caller closes fd, whose
 * sending side it has shut. Where that cannot be done, nothing happens.
 */
void http_linger_on(struct http_linger *linger, int fd);
