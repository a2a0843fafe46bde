/* SPDX-License-Identifier: MIT */
/* The outbox's side: what is written of an event, and when it may be forgotten. */
#pragma once

#include <stdbool.h>

#include "base/span.h"
#include "handlers/reply.h"

struct delivery;
struct ticket;

/* Puts it on disk, side by side with what else becomes of it. */
void settle_append(struct delivery *delivery);

/* Whether it is not to be sent before it is on disk. */
bool settle_is_disk_first(const struct delivery *delivery);

/* An attempt failed: how often, and why. */
void settle_note_failure(struct delivery *delivery);

/* Convex has it, and its sender is told at once. It is gone once the outbox knows, maybe when this
 * returns. */
void settle_delivered(struct delivery *delivery);

/* Becomes a dead letter; reason is kept (its beginning). The reply waits for the disk's
 * first answer, whatever that is. */
void settle_bury(struct delivery *delivery, enum reply reply, struct span reason);

/* For tickets: the answer is due, as far as it is known what holds. It may be gone then. */
void settle_ticket_due(struct ticket *ticket);
