/* SPDX-License-Identifier: MIT */
/* Whether the store is away, as the loop sees it: the log says so once, and once that it is back.
 */
#pragma once

#include "outbox/outbox_job.h"

struct outbox_away {
    bool now;
    unsigned times;   /* of the status that was looked at last */
    int64_t since_ms; /* mono, by the loop's clock; when the store went last */
};

/* Looks at the writer's latest status. */
void outbox_away_look(struct outbox_away *away, const struct outbox_status *status, int64_t now_ms);
