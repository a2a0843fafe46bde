/* SPDX-License-Identifier: MIT */
#include "tests/unit/lib/snapshot_sample.h"

static int64_t sample_mono_ms(struct clock *clock)
{
    (void)clock;
    return SAMPLE_MONO_MS;
}

struct clock sample_clock = {.mono_ms = sample_mono_ms};

static const struct event_counts sample_users = {.accepted = 10,
                                                 .delivered = 5,
                                                 .discarded = 1,
                                                 .buried = 3,
                                                 .pending = 2,
                                                 .dead = 2,
                                                 .refused = 6};

static struct snapshot_route sample_routes[] = {
    {.model = "users\n\"a\\b\"",
     .mutation = "users:sync",
     .counts = &sample_users,
     .held = "no such function",
     .held_since_ms = 90000,
     .in_flight = 1,
     .limit = 4,
     .batch = "users:syncBatch",
     .batch_size = 25,
     .batch_max = 50,
     .sequence = "\"syncSeq\"",
     .oldest_age_ms = 20000,
     .error = "http 502",
     .error_outcome = "again",
     .error_ms = 95000},
    {.model = "gone",
     .counts = &sample_users,
     .oldest_age_ms = -1}, /* a reload has taken its route away */
    {.model = "other", .mutation = "a:b", .limit = 16, .oldest_age_ms = -1},
};

struct snapshot sample_snapshot(void)
{
    return (struct snapshot){
        .now_ms = SAMPLE_NOW_MS,
        .routes = sample_routes,
        .routes_len = array_len(sample_routes),
        .other =
            {.accepted = 7, .delivered = 4, .pending = 1, .dead = 2, .buried = 9, .refused = 8},
        .in_flight = 3,
        .attempts = {1, 2, 3, 4},
        .convex_duration = {.counts = {1, 0, 2, [HISTOGRAM_BUCKETS] = 1}, .sum_ms = 61005},
        .batch_sizes = {.counts = {2, 0, 1, [SIZES_BUCKETS] = 1}, .sum = 600},
        .batch_splits = 5,
        .outbox = "ok",
        .outbox_bytes = 4096,
        .oldest_age_ms = 40000,
        .outbox_spoilt = 3,
    };
}
