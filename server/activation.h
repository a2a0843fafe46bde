/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets that the service manager has opened, as sd_listen_fds(3) hands them over.
 *
 * The service manager keeps such a socket open while the relay restarts. Clients that connect
 * meanwhile wait instead of being refused.
 */
#pragma once

#include "base/buf.h"

enum { ACTIVATION_REFUSED = 1 };

struct activation {
    int sender_fd; /* for events; -1: none was handed over */
    int admin_fd;  /* for metrics and status; -1: none was handed over */
};

#define ACTIVATION_NONE ((struct activation){-1, -1})

/*
 * Takes the sockets over. lookup is getenv in the program. The socket named "admin"
 * (FileDescriptorName= in its unit) is for metrics and status, a socket of any other name is for
 * events. 0: the caller owns what is in *activation. ACTIVATION_REFUSED: *why has grown by one line
 * that says what is wrong with the sockets. Or an -errno.
 */
int activation_take(char *(*lookup)(const char *name), struct activation *activation,
                    struct buf *why);

/* Closes the sockets that nobody has taken out of *activation. */
void activation_done(struct activation *activation);
