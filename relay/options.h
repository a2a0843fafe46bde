/* SPDX-License-Identifier: MIT */
/* What a relay is told at its start. */
#pragma once

#include <stdint.h>

struct dice;

struct relay_options {
    int concurrency;      /* attempts in flight at most */
    int64_t sync_wait_ms; /* how long an answer may wait for Convex */
    int64_t max_age_ms;   /* an older event becomes a dead letter */
    struct dice *dice;
};
