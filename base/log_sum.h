/* SPDX-License-Identifier: MIT */
/*
 * Faults that repeat: the first is logged at once, the rest of a minute as one line with their
 * number. Whoever can make the relay fail a thousand times a second fills no disk with it.
 *
 *   if (log_sum_first(&sum))
 *       log_warn(sum.message, "model", model);
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/loop.h"

enum { LOG_SUM_MS = 60 * 1000 };

struct log_sum {
    struct loop *loop; /* NULL: nothing is summed up */
    enum log_level level;
    const char *message;
    const char *model; /* what the line is about, or NULL */
    uint64_t more;     /* since the last line */
    struct loop_timer timer;
};

/* The strings stay the caller's, and the sum in its place, until log_sum_done(). */
void log_sum_init(struct log_sum *sum, struct loop *loop, enum log_level level, const char *message,
                  const char *model);

/* Tells what has not been told yet. */
void log_sum_done(struct log_sum *sum);

/* It has happened again. True: it is worth a line of its own; else it is counted. */
bool log_sum_first(struct log_sum *sum);
