/* SPDX-License-Identifier: MIT */
/* A store that goes and is back between two looks is told of, too: its connection was lost. */
#include "outbox/outbox_away.h"

#include <stdio.h>

#include "base/log.h"

static void outbox_away_begin(struct outbox_away *away, const struct outbox_status *status,
                              int64_t now_ms)
{
    char text[OUTBOX_WHY_MAX + 64];

    away->now = true;
    away->since_ms = now_ms;
    (void)snprintf(text, sizeof(text), "the outbox is away: %s: events wait",
                   status->why_away[0] ? status->why_away : "the connection is lost");
    log_warn(text);
}

static void outbox_away_end(struct outbox_away *away, int64_t now_ms)
{
    char text[64];

    away->now = false;
    (void)snprintf(text, sizeof(text), "the outbox is back after %lld s",
                   (long long)(now_ms - away->since_ms) / 1000);
    log_info(text);
}

void outbox_away_look(struct outbox_away *away, const struct outbox_status *status, int64_t now_ms)
{
    if (away->times != status->times_away && !away->now)
        outbox_away_begin(away, status, now_ms);
    if (away->now && !status->away)
        outbox_away_end(away, now_ms);
    away->times = status->times_away;
}
