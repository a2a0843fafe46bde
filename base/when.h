/* SPDX-License-Identifier: MIT */
/*
 * Times as people write them: ISO 8601 (RFC 3339 and other common forms), or how long ago.
 *
 *   2026-11-22T16:53:10.123Z   2026-11-22 16:53+01:00   2026-11-22T24:00   2026-11-22
 *   45s   90m   12h   3d   2w
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* Converts a local time into ms since 1970. local_ms is what a clock of the zone shows, counted as
 * if the clock showed UTC. */
typedef int64_t (*when_zone_fn)(int64_t local_ms);

/* Reads a time of the years 1970 to 9999. An age counts back from now_ms. zone converts a time
 * whose text names no zone; NULL: the text must name one. False: not such a time. */
bool when_parse(struct span text, int64_t now_ms, when_zone_fn zone, int64_t *wall_ms);

/* The zone of this process: TZ, or else the machine's. For an hour that is left out or comes twice,
 * the C library chooses. */
int64_t when_local(int64_t local_ms);
