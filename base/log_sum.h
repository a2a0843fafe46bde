/* SPDX-License-Identifier: MIT */
/*
 * Faults that repeat: the first one is logged at once, and all others of a minute together in one
 * line, which has their number. So nobody who makes the relay fail a thousand times a second can
 * fill a disk.
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
    struct loop *loop; /* NULL: every fault is logged */
    enum log_level level;
    const char *message;
    const char *model;       /* a field of the line; may be NULL */
    uint64_t more;           /* faults since the last line */
    struct loop_timer timer; /* set for a minute after each line */
};

/* The strings stay the caller's. Strings and *sum must stay in place until log_sum_done(). */
void log_sum_init(struct log_sum *sum, struct loop *loop, enum log_level level, const char *message,
                  const char *model);

/* Logs the number of faults that no line has told yet. */
void log_sum_done(struct log_sum *sum);

/* Counts a fault. True: the caller logs a line. False: a later line will count the fault. */
bool log_sum_first(struct log_sum *sum);
