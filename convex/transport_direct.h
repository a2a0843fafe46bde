/* SPDX-License-Identifier: MIT */
/* The transport of the program: HTTP/1.1 of our own, over connections that libcurl makes. */
#pragma once

#include "convex/transport.h"

struct loop;

/*
 * Makes a transport on the loop; the loop must outlive the transport. SIGPIPE must be ignored: TLS
 * connections are written to without MSG_NOSIGNAL. 0 or an -errno.
 */
int transport_direct_new(struct loop *loop, const struct transport_options *options,
                         struct transport **transport);
