/* SPDX-License-Identifier: MIT */
/*
 * Faults that repeat.
 *
 * A timer runs from the first fault, and goes on while each minute brings more of them. So there is
 * one line a minute at most, and no fault is left out.
 */
#include "base/log_sum.h"

static void log_sum_tell(struct log_sum *sum)
{
    if (sum->more > 0)
        log_write(sum->level, sum->message, "model", sum->model, "more", log_number(sum->more),
                  "within_s", log_number(LOG_SUM_MS / 1000), LOG_END);
    sum->more = 0;
}

static void log_sum_begin_minute(struct log_sum *sum)
{
    loop_timer_set(sum->loop, &sum->timer, loop_now_ms(sum->loop) + LOG_SUM_MS);
}

static void log_sum_end_minute(void *ctx)
{
    struct log_sum *sum = ctx;

    if (sum->more > 0)
        log_sum_begin_minute(sum);
    log_sum_tell(sum);
}

void log_sum_init(struct log_sum *sum, struct loop *loop, enum log_level level, const char *message,
                  const char *model)
{
    *sum = (struct log_sum){
        .loop = loop,
        .level = level,
        .message = message,
        .model = model,
        .timer = {.fn = log_sum_end_minute, .ctx = sum},
    };
}

void log_sum_done(struct log_sum *sum)
{
    if (!sum->loop)
        return;
    loop_timer_clear(sum->loop, &sum->timer);
    log_sum_tell(sum);
}

bool log_sum_first(struct log_sum *sum)
{
    if (!sum->loop)
        return true;
    if (loop_timer_is_set(&sum->timer)) {
        sum->more++;
        return false;
    }
    log_sum_begin_minute(sum);
    return true;
}
