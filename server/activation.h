/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets that the service manager has opened and hands over: sd_listen_fds(3). It keeps
 * them over a restart, so that whoever connects meanwhile waits instead of being refused.
 */
#pragma once

#include "base/buf.h"

enum { ACTIVATION_REFUSED = 1 };

struct activation {
    int sync_fd;  /* -1: none was handed over */
    int admin_fd; /* the same */
};

#define ACTIVATION_NONE ((struct activation){-1, -1})

/*
 * Takes them over; lookup is getenv in the program. The one named "admin" (FileDescriptorName= in
 * its unit) is for metrics and status, another one, whatever its name, for events. 0: the caller
 * owns what is in *activation. ACTIVATION_REFUSED: *why has grown by one line that says what is
 * wrong with them. Or an -errno.
 */
int activation_take(char *(*lookup)(const char *name), struct activation *activation,
                    struct buf *why);

void activation_done(struct activation *activation);
