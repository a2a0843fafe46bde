/* SPDX-License-Identifier: MIT */
/*
 * The door: the listening sockets, where clients wait and are let in while there is room.
 *
 * Closing a listening socket resets the clients in its queue, although all are connected and may
 * have sent a request. So a stop turns away new clients first, then lets in all that the kernel has
 * accepted already, and closes the sockets last.
 */
#pragma once

#include <sys/socket.h>

#include "base/loop.h"
#include "server/listener.h"

struct http_door_socket {
    struct http_door *door;
    struct loop_fd source;
};

/* The owner sets loop, room, admit and ctx before http_door_open(). */
struct http_door {
    struct loop *loop;
    unsigned (*room)(void *ctx); /* how many clients may come in */
    /* Gets a client's socket, which is the owner's from then on. */
    void (*admit)(void *ctx, int fd, const struct sockaddr *address, socklen_t len);
    void *ctx;
    struct http_door_socket sockets[LISTENERS_MAX];
    size_t len;                    /* of sockets; 0: closed */
    bool passed;                   /* the service manager has the sockets, too */
    bool shut;                     /* no client is let in at the moment */
    struct loop_timer pause_timer; /* set after descriptors or memory for a client were missing */
    struct loop_timer close_timer; /* set from http_door_close() until the sockets are closed */
};

/* Takes all of *listeners over, also on failure. http_door_done() must follow. 0 or an -errno. */
int http_door_open(struct http_door *door, struct listeners *listeners);
void http_door_done(struct http_door *door);

/* To be called when a client has left: there may be room again. */
void http_door_client_left(struct http_door *door);

/* Whether a client waits to be let in. */
bool http_door_knocked(const struct http_door *door);

/*
 * Closes the sockets once the clients that the kernel has accepted are let in. Sockets of the
 * service manager are closed at once: the queue waits for the next process that serves them.
 */
void http_door_close(struct http_door *door);

/* Whether a listening socket is still open. */
bool http_door_is_open(const struct http_door *door);
