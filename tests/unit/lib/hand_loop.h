/* SPDX-License-Identifier: MIT */
/* A loop that never waits, on a clock that a test moves. */
#pragma once

#include "tests/unit/lib/rows.h"

#include "base/loop.h"
#include "base/util.h"

/* Must stay where it is while the loop is open. */
struct hand_loop {
    struct clock clock; /* both of its times are now_ms */
    int64_t now_ms;
    struct loop *loop;
    struct loop_hook never_wait;
};

/* hand must be all zero, but for now_ms. */
void hand_loop_open(struct hand_loop *hand);
void hand_loop_close(struct hand_loop *hand);
