/* SPDX-License-Identifier: MIT */
/* What the relay shows of itself to /metrics and /status. */
#pragma once

struct relay;
struct snapshot;

/* As inbox.look. */
int look_at_relay(struct relay *relay, struct snapshot *snapshot);
