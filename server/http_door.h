/* SPDX-License-Identifier: MIT */
/*
 * The listening sockets: who knocks is let in while there is room.
 *
 * To close a listening socket resets whoever waits in its queue, although to them they are
 * connected, and their requests sent. So a stop first turns away who has not knocked yet, lets in
 * whom the kernel has let in already, and closes then.
 */
#pragma once

#include <sys/socket.h>

#include "base/loop.h"
#include "server/listener.h"

struct http_door_socket {
    struct http_door *door;
    struct loop_fd source;
};

struct http_door {
    struct loop *loop;
    /* How many may come in. */
    unsigned (*room)(void *ctx);
    /* Takes the descriptor over. */
    void (*admit)(void *ctx, int fd, const struct sockaddr *address, socklen_t len);
    void *ctx;
    struct http_door_socket sockets[LISTENERS_MAX];
    size_t len;
    bool passed;                   /* the sockets are a service manager's, too */
    bool shut;                     /* nobody is let in at the moment */
    struct loop_timer pause_timer; /* set while there was nothing left to let somebody in with */
    struct loop_timer close_timer; /* set from http_door_close() to the end */
};

/* Takes all of *listeners over, whatever comes. 0 or an -errno; http_door_done() either way. */
int http_door_open(struct http_door *door, struct listeners *listeners);
void http_door_done(struct http_door *door);

/* Somebody has left: there may be room again. */
void http_door_has_room(struct http_door *door);

/* Whether a client waits to be let in. */
bool http_door_knocked(const struct http_door *door);

/* Closes as soon as everybody is in who the kernel has let in. What waits for a socket that was
 * passed waits for the next one who serves it. */
void http_door_close(struct http_door *door);
bool http_door_is_open(const struct http_door *door);
