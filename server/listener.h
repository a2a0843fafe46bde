/* SPDX-License-Identifier: MIT */
/* Listening sockets. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

enum {
    LISTENER_FAILED = 1,
    /* Not now: somebody else has an address, this machine does not have it yet, or nobody knows the
     * name at the moment. */
    LISTENER_BUSY,
};

enum { LISTENERS_MAX = 8 }; /* addresses of one name */

struct listeners {
    int fds[LISTENERS_MAX];
    size_t len;
    bool passed; /* by a service manager, which has the socket and its queue, too */
};

/* Closes what is left in it. */
void listeners_close(struct listeners *listeners);

/*
 * Listens on every address that host stands for and this machine has; :: takes IPv4, too. port 0:
 * the kernel chooses, one port for all of them. 0: the caller owns *listeners. LISTENER_FAILED,
 * LISTENER_BUSY: *why has grown by one line. Or an -errno.
 */
int listener_open(const char *host, int port, struct listeners *listeners, struct buf *why);

/* Whether host stands for addresses that this machine has now: as listener_open(), on ports that
 * nobody has asked for, and for a moment. */
int listener_check(const char *host, struct buf *why);

/* Appends the address that a socket is bound to, such as 127.0.0.1:3000, [::1]:3000 or
 * unix:/run/convex-relay.sock, or unix:@name. 0 or an -errno. */
int listener_describe(int fd, struct buf *address);

/* Logs message with the address of each. version: NULL leaves it out. 0 or an -errno. */
int listeners_log(const struct listeners *listeners, const char *message, const char *version);

/* Appends what people read: Serving on 127.0.0.1:3000, [::1]:3000. 0 or an -errno. */
int listeners_describe(const struct listeners *listeners, struct buf *serving);

/* Whether host can be an address or a name at all, whoever may know it. */
bool listener_is_host(const char *host);

/* Whether an address of the one host is one of the other, too: they cannot share a port. Asks the
 * resolver about names; who is not known has no address. */
bool listener_overlap(const char *host, const char *other);
