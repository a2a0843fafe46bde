/* SPDX-License-Identifier: MIT */
/*
 * Learning: gates and limits.
 *
 * Conflicts and overload cut the model's limit, and success lets the limit grow. A missing function
 * closes the model's gate. The upstream gate closes when Convex cannot be reached, refuses the
 * relay or fails. Neither gate closes for an event's own fault, which relay/evidence.h finds.
 * Behind a closed gate events wait without attempts or log lines. An event that is to blame waits
 * by a backoff of its own, and holds up one record.
 */
#include "relay/learn.h"

#include "base/log.h"
#include "relay/core.h"

enum {
    LEARN_CUTS_MAX = 3,     /* how often one event may cut a limit */
    LEARN_FAILURES_MAX = 5, /* how often an event fails before the log tells of it */
};

static void learn_apply_model(struct model *model)
{
    lanes_set_group_limit(&model->relay->lanes, &model->lanes,
                          core_is_held_by_clock(model) ? 0 : model_room(model));
}

static void learn_apply_upstream(struct relay *relay)
{
    relay->lanes.limit = relay->phase >= RELAY_FINISHING
                             ? 0
                             : gate_room(&relay->gate, relay->limit.now, relay->limit.max);
}

void learn_apply_all(struct relay *relay)
{
    struct model *model;

    relay->limits_due = false;
    relay->clock.wanted = false;
    learn_apply_upstream(relay);
    TAILQ_FOREACH (model, &relay->models.list, link) {
        relay->clock.wanted |= !model->lost && model->route->sequence != NULL;
        learn_apply_model(model);
    }
}

/* ---- gates ---- */

void learn_knock(struct relay *relay)
{
    if (relay->gate.state != GATE_OPEN && relay->lanes.startable.first)
        gate_knock(&relay->gate);
}

void learn_gate_changed(void *ctx)
{
    struct relay *relay = ctx;

    learn_apply_upstream(relay);
    core_ask_pump(relay);
}

void learn_model_gate_changed(void *ctx)
{
    struct model *model = ctx;

    learn_apply_model(model);
    core_ask_pump(model->relay);
}

static void learn_log_open(const struct gate *gate, const char *model)
{
    int64_t held_ms = loop_now_ms(gate->options.loop) - gate->since_ms;

    log_info(model ? "the route works again: its held events are sent"
                   : "Convex answers again: held events are sent",
             "model", model, "after_s", log_number(held_ms / 1000), "probes",
             log_number(gate->failures));
}

/* Convex as a whole is well, since Convex has judged this event. */
bool learn_upstream_passed(struct relay *relay)
{
    bool opens = gate_passed(&relay->gate);

    if (opens) {
        learn_log_open(&relay->gate, NULL);
        limit_restart(&relay->limit, relay->lanes.in_flight);
    }
    limit_success(&relay->limit);
    learn_apply_upstream(relay);
    return opens;
}

/* The model's functions are there. */
static bool learn_model_well(struct model *model)
{
    bool opens = gate_passed(&model->gate);

    if (opens) {
        learn_log_open(&model->gate, model->name);
        limit_restart(&model->limit, model->lanes.in_flight);
    }
    learn_apply_model(model);
    return opens;
}

/* ---- failures ---- */

static void learn_log_blame(const struct delivery *delivery, const struct verdict *verdict)
{
    struct log_sum *sum = &delivery->relay->blamed;

    if (log_sum_first(sum))
        log_warn(sum->message, "request", ticket_request_id(&delivery->ticket), "id",
                 log_number(delivery->id), "model", delivery->model->name, "cause", verdict->cause,
                 "reason", verdict->detail);
}

static struct gate_failure learn_failure(int64_t began_ms, const struct verdict *verdict)
{
    bool held = verdict->outcome == VERDICT_HELD;
    bool overload = verdict->pressure == VERDICT_OVERLOAD;

    return (struct gate_failure){
        .cause = verdict->cause,
        /* Convex refuses the relay, or cannot be connected to. */
        .certain = held || (!verdict->maybe_ran && !overload),
        .overload = overload,
        .by_event = held || verdict->maybe_ran,
        .began_ms = began_ms,
        .retry_after_ms = verdict->retry_after_ms,
    };
}

static bool learn_log_closed(enum gate_news news, const struct verdict *verdict, const char *model,
                             uint64_t id)
{
    if (news == GATE_CLOSES)
        log_warn(verdict->outcome == VERDICT_HELD
                     ? "Convex refuses the relay: events are held until the cause is mended"
                     : "Convex is unavailable: events are held and sent when it answers",
                 "cause", verdict->cause, "reason", verdict->detail, "model", model, "id",
                 id ? log_number(id) : NULL);
    return news == GATE_CLOSES;
}

void learn_unreachable(struct relay *relay, struct blame *blame, int64_t began_ms,
                       const struct verdict *verdict)
{
    struct gate_failure failure = learn_failure(began_ms, verdict);

    (void)learn_log_closed(gate_failed(&relay->gate, blame, &failure), verdict, NULL, 0);
    learn_apply_upstream(relay);
}

static void learn_upstream_failed(struct delivery *delivery, const struct learn_attempt *attempt,
                                  const struct verdict *verdict)
{
    struct relay *relay = delivery->relay;
    struct gate_failure failure = learn_failure(attempt->began_ms, verdict);
    enum gate_news news = gate_failed(&relay->gate, &delivery->blame, &failure);

    if (!learn_log_closed(news, verdict, delivery->model->name, delivery->id) &&
        (news == GATE_BLAMES || (relay->gate.state == GATE_OPEN && !delivery->blame.own &&
                                 delivery->attempts == LEARN_FAILURES_MAX)))
        learn_log_blame(delivery, verdict);
    learn_apply_upstream(relay);
}

static void learn_model_failed(struct delivery *delivery, const struct learn_attempt *attempt,
                               const struct verdict *verdict)
{
    struct model *model = delivery->model;
    struct gate_failure failure = learn_failure(attempt->began_ms, verdict);
    enum gate_news news = gate_failed(&model->gate, &delivery->model_blame, &failure);

    if (news == GATE_CLOSES)
        log_warn("the route is held: its events wait until the cause is mended", "model",
                 model->name, "cause", verdict->cause, "id", log_number(delivery->id));
    else if (news == GATE_BLAMES)
        learn_log_blame(delivery, verdict);
    learn_apply_model(model);
}

bool learn_from(struct delivery *delivery, const struct learn_attempt *attempt,
                const struct verdict *verdict)
{
    struct relay *relay = delivery->relay;
    struct model *model = delivery->model;
    bool failed = verdict->outcome == VERDICT_AGAIN || verdict->outcome == VERDICT_HELD;

    /* An event that conflicts for ever must not slow the others down for ever. */
    if (verdict->pressure != VERDICT_NO_PRESSURE && delivery->attempts <= LEARN_CUTS_MAX) {
        limit_cut(&model->limit, attempt->number);
        learn_apply_model(model);
    }
    if (failed && !relay->outbox)
        return false; /* without an outbox no event waits, so no gate is needed */
    if (failed && verdict->scope == VERDICT_UPSTREAM) {
        learn_upstream_failed(delivery, attempt, verdict);
        return false;
    }
    bool opens = learn_upstream_passed(relay);
    if (verdict->outcome == VERDICT_HELD) {
        learn_model_failed(delivery, attempt, verdict);
        return opens;
    }
    if (!failed)
        limit_success(&model->limit);
    return learn_model_well(model) || opens;
}
