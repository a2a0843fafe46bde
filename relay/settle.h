/* SPDX-License-Identifier: MIT */
/* Settling: what the outbox writes of an event, and when the event may be forgotten. */
#pragma once

#include <stdbool.h>

#include "base/span.h"
#include "handlers/reply.h"

struct delivery;
struct ticket;

/* Has the outbox store the event, side by side with its first attempt. Does nothing without one. */
void settle_append(struct delivery *delivery);

/* Whether the event must be on disk before its first attempt: the record may have dead letters, and
 * only a row outlives a crash to make those stale once the event is delivered; or Convex gets the
 * event's id, and only what is on disk keeps a crash from having that id given again. */
bool settle_is_disk_first(const struct delivery *delivery);

/* Has the outbox store how often attempts have failed, and why the last one did. */
void settle_note_failure(struct delivery *delivery);

/* Convex has taken the event: answers the sender at once. The delivery is freed once the outbox has
 * written the fate, maybe before this function returns. */
void settle_delivered(struct delivery *delivery);

/* Buries the event: it becomes a dead letter with that reason, cut to CORE_REASON_MAX. Without an
 * outbox the event is discarded. The sender gets reply and the whole reason at the disk's first
 * outcome; 503 where there is no row and none can be made. */
void settle_bury(struct delivery *delivery, enum reply reply, struct span reason);

/* tickets.due: answers 202 or 503, unless the disk has still to decide which. May free the
 * delivery. */
void settle_ticket_due(struct ticket *ticket);
