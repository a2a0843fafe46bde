/* SPDX-License-Identifier: MIT */
/* Ages: how long events have waited, and what becomes of those that waited too long. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct delivery;
struct relay;

/* At the start: notes how far the wall clock is ahead of the mono clock, for age_of(). */
void age_begin(struct relay *relay);

/* The age in ms at wall_ms, the present time, of an event that arrived at arrived_ms, both by the
 * wall clock; -1: the clocks contradict each other. */
int64_t age_of(const struct relay *relay, int64_t wall_ms, int64_t arrived_ms);

/* Whether the event is older than RETRY_MAX_AGE_HOURS; false without an outbox. */
bool age_is_over(const struct delivery *delivery);

/* Buries the event for its age. */
void age_bury(struct delivery *delivery);

/* Buries every event in memory that is too old, also while its route is held. May be called often,
 * and looks once in ten seconds. */
void age_bury_all(struct relay *relay);
