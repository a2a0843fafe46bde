/* SPDX-License-Identifier: MIT */
/* Filling a snapshot: what /metrics and /status show of the relay. */
#pragma once

struct relay;
struct snapshot;

/* Fills *snapshot as of now, to be freed by snapshot_done(). 0 or an -errno. */
int snapshot_fill(struct relay *relay, struct snapshot *snapshot);
