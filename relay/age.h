/* SPDX-License-Identifier: MIT */
/* How long events have waited, and whether that is too long. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct delivery;
struct relay;

/* The start: ages are taken from the clocks as they are now. */
void age_begin(struct relay *relay);

/* How long before wall_ms, which is now, something arrived; -1: that cannot be known. */
int64_t age_of(const struct relay *relay, int64_t wall_ms, int64_t arrived_ms);

/* Whether it is past RETRY_MAX_AGE_HOURS. */
bool age_is_over(const struct delivery *delivery);

/* It becomes a dead letter for that. */
void age_bury(struct delivery *delivery);

/* So do all that wait, however long their route is held. Looks every ten seconds. */
void age_bury_all(struct relay *relay);
