/* SPDX-License-Identifier: MIT */
/* The options of a relay, which never change. */
#pragma once

#include <stdint.h>

struct allocator;
struct dice;

struct relay_options {
    int concurrency;      /* attempts in flight at most, of all models */
    int64_t sync_wait_ms; /* how long an answer waits for Convex before it is 202 */
    int64_t max_age_ms;   /* an event that has waited longer becomes a dead letter */
    struct dice *dice;
    struct allocator *allocator; /* of events and lanes */
};
