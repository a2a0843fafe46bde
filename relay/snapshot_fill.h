/* SPDX-License-Identifier: MIT */
/* What the relay shows of itself to /metrics and /status. */
#pragma once

struct relay;
struct snapshot;

/* As inbox.fill_snapshot. */
int snapshot_fill(struct relay *relay, struct snapshot *snapshot);
