/* SPDX-License-Identifier: MIT */
/*
 * A time as people write it: ISO 8601 (RFC 3339, and what is common beside it), or how long ago.
 *
 *   2026-11-22T16:53:10.123Z   2026-11-22 16:53+01:00   2026-11-22T24:00   2026-11-22
 *   45s   90m   12h   3d   2w
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* The time, in ms since 1970, at which the clocks on the wall show local_ms, counted as if they
 * showed UTC. */
typedef int64_t (*when_zone_fn)(int64_t local_ms);

/*
 * Reads a time of the years 1970 to 9999; an age counts back from now_ms. zone tells what is meant
 * where the text names no zone; NULL: it must name one. False: it is no such time.
 */
bool when_parse(struct span text, int64_t now_ms, when_zone_fn zone, int64_t *wall_ms);

/* The zone of this process: TZ, or else the machine's. Of an hour that is left out or comes twice,
 * whichever the C library takes. */
int64_t when_local(int64_t local_ms);
