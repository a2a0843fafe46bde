/* SPDX-License-Identifier: MIT */
/* Listening sockets. */
#pragma once

#include "base/buf.h"

enum {
    LISTENER_FAILED = 1,
    LISTENER_BUSY, /* somebody else has the address, or this machine does not have it yet */
};

/*
 * Listens on the first address that host stands for; :: takes IPv4, too. port 0: the kernel
 * chooses. 0: the caller owns *fd, and *address has grown by the real one, such as
 * 127.0.0.1:3000 or [::1]:3000. LISTENER_FAILED,
 * LISTENER_BUSY: *why has grown by one line. Or an -errno.
 */
int listener_open(const char *host, int port, int *fd, struct buf *address, struct buf *why);

/* Appends the address that a socket is bound to: as above, or unix:/run/convex-relay.sock. 0 or an
 * -errno. */
int listener_describe(int fd, struct buf *address);
