/* SPDX-License-Identifier: MIT */
/* HTTP/1.1 of our own, over connections that libcurl makes. */
#pragma once

#include "convex/transport.h"

struct loop;

/* 0 or an -errno. */
int transport_direct_new(struct loop *loop, const struct transport_options *options,
                         struct transport **transport);
