/* SPDX-License-Identifier: MIT */
/* Filling a snapshot. */
#include "relay/snapshot_fill.h"

#include <errno.h>

#include "base/error.h"
#include "handlers/snapshot.h"
#include "relay/age.h"
#include "relay/core.h"

/* The wall clock at mono_ms, a moment that is past; now_ms is the wall clock now. */
static int64_t fill_wall_ms(const struct relay *relay, int64_t now_ms, int64_t mono_ms)
{
    return now_ms - (loop_now_ms(relay->loop) - mono_ms);
}

static void fill_gate(const struct relay *relay, const struct gate *gate, int64_t now_ms,
                      const char **held, int64_t *since_ms)
{
    if (gate->state == GATE_OPEN)
        return;
    *held = gate->cause;
    *since_ms = fill_wall_ms(relay, now_ms, gate->since_ms);
}

/* A clock that is off, or one that nobody can ask about. */
static void fill_clock(const struct relay *relay, const struct model *model, int64_t now_ms,
                       struct snapshot_route *out)
{
    const struct relay_clock *clock = &relay->clock;

    if (!core_is_held_by_clock(model) || (!clock->check.off && (out->held || !clock->failures)))
        return;
    out->held = "clock";
    out->held_since_ms = fill_wall_ms(relay, now_ms, clock->since_ms);
}

/* ---- counts ---- */

static struct event_counts fill_counts_of(const struct store_tally *tally, uint64_t refused)
{
    return (struct event_counts){
        .accepted = tally->accepted,
        .delivered = tally->delivered,
        .discarded = tally->discarded,
        .buried = tally->buried,
        .pending = tally->pending,
        .dead = tally->dead,
        .refused = refused,
    };
}

/* With an outbox, its counts are copied; without one, the relay counts. */
static int fill_counts(struct relay *relay, struct snapshot *snapshot)
{
    cleanup(outbox_tallies_done) struct outbox_tallies tallies = {0};
    int r = relay->outbox ? outbox_tallies(relay->outbox, &tallies) : 0;

    snapshot->other = relay->other;
    for (size_t i = 0; r == 0 && i < tallies.len; i++) {
        const struct outbox_tally *tally = &tallies.at[i];
        struct model *model =
            tally->model ? models_find(&relay->models, span_of(tally->model)) : NULL;
        if (model)
            model->counts = fill_counts_of(&tally->counts, model->offers.refused);
        else if (!tally->model)
            snapshot->other = fill_counts_of(&tally->counts, relay->refused_other);
    }
    return r;
}

/* ---- models ---- */

static void fill_model(struct relay *relay, struct model *model, int64_t now_ms,
                       struct snapshot_route *out)
{
    *out = (struct snapshot_route){
        .model = model->name,
        .mutation = model->lost ? NULL : model->route->mutation,
        .in_flight = model->lanes.in_flight,
        .limit = model->limit.now,
        .batch = model->lost ? NULL : model->route->batch.mutation,
        .batch_size = batching_size(&model->batching, loop_now_ms(relay->loop)),
        .batch_max = model->batching.max,
        .sequence = model->lost ? NULL : model->route->sequence,
        .oldest_age_ms = -1,
    };
    if (core_counts_of(relay, model) != &relay->other)
        out->counts = &model->counts;
    fill_gate(relay, &relay->gate, now_ms, &out->held, &out->held_since_ms);
    fill_gate(relay, &model->gate, now_ms, &out->held, &out->held_since_ms);
    fill_clock(relay, model, now_ms, out);
    if (model->lost && core_pending_of(relay, model) > 0) {
        out->held = "no route";
        out->held_since_ms = fill_wall_ms(relay, now_ms, model->lost_ms);
    }
    if (model->error[0]) {
        out->error = model->error;
        out->error_outcome = verdict_outcome_name(model->error_outcome);
        out->error_ms = fill_wall_ms(relay, now_ms, model->error_ms);
    }
    model->snapshot = out;
}

static int64_t fill_age_ms(const struct relay *relay, int64_t now_ms,
                           const struct delivery *delivery)
{
    int64_t age_ms = age_of(relay, now_ms, delivery->event.arrived_ms);

    return age_ms < 0 ? loop_now_ms(relay->loop) - delivery->since_ms : age_ms;
}

/* Pages come by rising id: if any pending event of a model is in memory, the oldest one is. */
static void fill_ages(const struct relay *relay, int64_t now_ms)
{
    const struct delivery *delivery;

    TAILQ_FOREACH (delivery, &relay->deliveries.list, link) {
        struct snapshot_route *out = delivery->model ? delivery->model->snapshot : NULL;
        if (!out || delivery->state == DELIVERY_FETCHING)
            continue;
        int64_t age_ms = fill_age_ms(relay, now_ms, delivery);
        if (out->oldest_age_ms < age_ms)
            out->oldest_age_ms = age_ms;
    }
}

/* ---- the outbox ---- */

/* The age of the oldest row; if the clocks do not tell, the age of the oldest event in memory. */
static int64_t fill_oldest_age_ms(const struct relay *relay, const struct store_counts *counts,
                                  const struct snapshot *snapshot)
{
    int64_t age_ms = counts->oldest_ms ? age_of(relay, snapshot->now_ms, counts->oldest_ms) : -1;

    if (age_ms >= 0 || !counts->oldest_ms)
        return age_ms;
    for (size_t i = 0; i < snapshot->routes_len; i++)
        if (age_ms < snapshot->routes[i].oldest_age_ms)
            age_ms = snapshot->routes[i].oldest_age_ms;
    return age_ms < 0 ? 0 : age_ms;
}

static void fill_outbox(struct relay *relay, struct snapshot *snapshot)
{
    struct outbox_status status;

    snapshot->outbox = "off";
    snapshot->oldest_age_ms = -1;
    if (!relay->outbox)
        return;
    outbox_status(relay->outbox, &status);
    snapshot->outbox = status.away                           ? "away"
                       : status.failing == STORE_FULL        ? "full"
                       : status.failing || status.unreadable ? "failing"
                                                             : "ok";
    memcpy(relay->why_away, status.why_away, sizeof(relay->why_away));
    snapshot->outbox_why = status.away && relay->why_away[0] ? relay->why_away : NULL;
    snapshot->outbox_spoilt = status.counts.spoilt;
    snapshot->outbox_bytes = status.counts.bytes;
    snapshot->outbox_pinned_bytes = status.counts.pinned_bytes;
    snapshot->oldest_age_ms = fill_oldest_age_ms(relay, &status.counts, snapshot);
    snapshot->outbox_commits = status.commits;
}

int snapshot_fill(struct relay *relay, struct snapshot *snapshot)
{
    const uint64_t *attempts = relay->outcomes;
    struct model *model;

    *snapshot = (struct snapshot){
        .now_ms = clock_wall_ms(loop_clock(relay->loop)),
        .routes = calloc(relay->models.table.len + 1, sizeof(*snapshot->routes)),
        .not_ready = relay->inbox.not_ready(&relay->inbox),
        .in_flight = relay->lanes.in_flight,
        .attempts = {attempts[VERDICT_DONE], attempts[VERDICT_REJECTED], attempts[VERDICT_AGAIN],
                     attempts[VERDICT_HELD]},
        .convex_duration = relay->convex_duration,
        .batch_sizes = relay->batch_sizes,
        .batch_splits = relay->batch_splits,
    };
    if (!snapshot->routes)
        return error_origin(-ENOMEM);
    int r = fill_counts(relay, snapshot);
    if (r) {
        snapshot_done(snapshot);
        return r;
    }
    TAILQ_FOREACH (model, &relay->models.list, link)
        fill_model(relay, model, snapshot->now_ms, &snapshot->routes[snapshot->routes_len++]);
    fill_gate(relay, &relay->gate, snapshot->now_ms, &snapshot->held, &snapshot->held_since_ms);
    fill_ages(relay, snapshot->now_ms);
    fill_outbox(relay, snapshot);
    return 0;
}
