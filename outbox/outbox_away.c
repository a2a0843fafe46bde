/* SPDX-License-Identifier: MIT */
/* A store that goes and is back between two looks is told of, too: its connection was lost. */
#include "outbox/outbox_away.h"

#include "base/log.h"

static void outbox_away_begin(struct outbox_away *away, const struct outbox_status *status,
                              int64_t now_ms)
{
    away->now = true;
    away->since_ms = now_ms;
    log_warn("the outbox is away: events wait", "error",
             status->why_away[0] ? status->why_away : "the connection is lost");
}

static void outbox_away_end(struct outbox_away *away, int64_t now_ms)
{
    away->now = false;
    log_info("the outbox is back: events are stored", "after_s",
             log_number((now_ms - away->since_ms) / 1000));
}

void outbox_away_look(struct outbox_away *away, const struct outbox_status *status, int64_t now_ms)
{
    if (away->times != status->times_away && !away->now)
        outbox_away_begin(away, status, now_ms);
    if (away->now && !status->away)
        outbox_away_end(away, now_ms);
    away->times = status->times_away;
}
