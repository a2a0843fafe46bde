/* SPDX-License-Identifier: MIT */
/*
 * How long to wait before the next attempt: exponential with full jitter, so that events that
 * failed together do not come back together.
 *
 * Source: Marc Brooker, "Exponential Backoff And Jitter", 2015. Convex's own clients begin with 3 s
 * after an overload (npm convex src/browser/sync/web_socket_manager.ts).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/dice.h"

enum {
    BACKOFF_FIRST_MS = 500,
    BACKOFF_FIRST_OVERLOAD_MS = 3000,
    BACKOFF_MAX_MS = 60 * 1000,
};

/*
 * A random time up to 0.5 s (3 s after an overload), doubled for each failure before the last one,
 * up to 60 s; never less than retry_after_ms (-1: none). failures counts from 1.
 */
int64_t backoff_ms(int failures, bool overload, int64_t retry_after_ms, struct dice *dice);
