/* SPDX-License-Identifier: MIT */
/* Listening sockets: which addresses a host's name stands for, and how these are bound. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

struct addrinfo;

enum {
    LISTENER_FAILED = 1,
    /* It may work later: another process has the address, this machine does not have the address
     * yet, or the name cannot be resolved at the moment. */
    LISTENER_BUSY,
};

enum { LISTENERS_MAX = 8 }; /* addresses of one name */

/* getaddrinfo(), or a test's. What it lists goes to freeaddrinfo(). */
typedef int (*listener_resolver)(const char *host, const char *service,
                                 const struct addrinfo *hints, struct addrinfo **list);

struct listeners {
    int fds[LISTENERS_MAX];
    size_t len;
    bool passed; /* by the service manager, which keeps the socket and its queue */
};

/* Closes the sockets, and leaves none. */
void listeners_close(struct listeners *listeners);

/*
 * Listens on every address of host that this machine has; :: takes IPv4, too. port 0: the kernel
 * chooses one port for all of them. 0: the caller owns *listeners. LISTENER_FAILED, LISTENER_BUSY:
 * *why has grown by one line. Or an -errno.
 */
int listener_open(listener_resolver resolve, const char *host, int port,
                  struct listeners *listeners, struct buf *why);

/* Whether listener_open() would find an address of host on this machine. Listens for a moment, on
 * ports that the kernel chooses. The same outcomes. */
int listener_check(listener_resolver resolve, const char *host, struct buf *why);

/* Appends the address that a socket is bound to: 127.0.0.1:3000, [::1]:3000,
 * unix:/run/convex-relay.sock or unix:@name. 0 or an -errno. */
int listener_describe(int fd, struct buf *address);

/* Logs message once for each socket, with its address. version may be NULL. 0 or an -errno. */
int listeners_log(const struct listeners *listeners, const char *message, const char *version);

/* Appends a line for people: Serving on 127.0.0.1:3000, [::1]:3000. 0 or an -errno. */
int listeners_describe(const struct listeners *listeners, struct buf *serving);

/* Whether host has the form of an address or of a name. The resolver is not asked. */
bool listener_is_host(const char *host);

/* Whether two hosts share an address, so that they cannot share a port. Asks the resolver; a name
 * that is not known has no address. */
bool listener_overlap(listener_resolver resolve, const char *host, const char *other);
