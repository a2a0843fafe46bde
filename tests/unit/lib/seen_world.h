/* SPDX-License-Identifier: MIT */
/* A world that notes what Convex was sent. */
#pragma once

#include "tests/unit/lib/relay_cases.h"

enum { SEEN_MAX = 20000 };

/* Each event of each call, in that order, until the process has crashed. */
extern struct seen {
    struct world_item items[SEEN_MAX];
    int len;
} seen;

/* As begin(). */
struct world *begin_seen(const struct world_options *options, world_convex_fn convex);

/* The numbers that Convex saw of each record rise. */
void assert_rising(int records);
