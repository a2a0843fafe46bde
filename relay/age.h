/* SPDX-License-Identifier: MIT */
/* Ages: how long events have waited, and what becomes of those that waited too long. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct delivery;
struct relay;

/* At the start: notes how the clocks stand, which later ages are measured by. */
void age_begin(struct relay *relay);

/* The age in ms of what arrived at arrived_ms by some wall clock, where it is wall_ms now; -1: the
 * clocks do not tell. */
int64_t age_of(const struct relay *relay, int64_t wall_ms, int64_t arrived_ms);

/* Whether the event is older than RETRY_MAX_AGE_HOURS; false without an outbox. */
bool age_is_over(const struct delivery *delivery);

/* Buries the event for its age. */
void age_bury(struct delivery *delivery);

/* Buries every event in memory that is too old, also while its route is held. To be called often:
 * checks every ten seconds. */
void age_bury_all(struct relay *relay);
