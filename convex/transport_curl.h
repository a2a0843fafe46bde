/* SPDX-License-Identifier: MIT */
/* libcurl's multi interface: the same as transport_direct.h, for twice the work. */
#pragma once

#include "convex/transport.h"

struct loop;

/* 0 or an -errno. */
int transport_curl_new(struct loop *loop, const struct transport_options *options,
                       struct transport **transport);
