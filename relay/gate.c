/* SPDX-License-Identifier: MIT */
/* Gates: closed by failures, opened by a probe that passes. */
#include "relay/gate.h"

#include <stdio.h>

#include "convex/backoff.h"

static int64_t gate_now_ms(const struct gate *gate)
{
    return loop_now_ms(gate->options.loop);
}

/* Also the timer, which runs out for a knock or when a probe is due. */
static void gate_begin_probe(void *ctx)
{
    struct gate *gate = ctx;

    gate->state = GATE_PROBING;
    gate->room = *gate->options.in_flight + 1;
    gate->moved_ms = gate_now_ms(gate);
    gate->early = gate->moved_ms < gate->due_ms;
    gate->options.changed(gate->options.ctx);
}

void gate_init(struct gate *gate, const struct gate_options *options)
{
    *gate = (struct gate){
        .options = *options,
        .timer = {.fn = gate_begin_probe, .ctx = gate},
    };
}

void gate_done(struct gate *gate)
{
    if (gate->options.loop)
        loop_timer_clear(gate->options.loop, &gate->timer);
}

/* Plans the timer's next probe, which a probe that knocked neither hastens nor puts off. */
static void gate_plan_probe(struct gate *gate, const struct gate_failure *failure)
{
    if (gate->early)
        return;
    gate->failures++;
    gate->due_ms = gate->moved_ms + backoff_ms(gate->failures, failure->overload,
                                               failure->retry_after_ms, gate->options.dice);
}

static enum gate_news gate_close(struct gate *gate, const struct gate_failure *failure)
{
    enum gate_news news = gate->state == GATE_OPEN ? GATE_CLOSES : GATE_NO_NEWS;

    if (gate->state == GATE_CLOSED)
        return GATE_NO_NEWS; /* the attempt was in flight when the gate closed */
    gate->moved_ms = gate_now_ms(gate);
    if (news == GATE_CLOSES) {
        gate->failures = 0;
        gate->early = false;
        gate->since_ms = gate->moved_ms;
    }
    gate->state = GATE_CLOSED;
    gate->listens = failure->by_event;
    (void)snprintf(gate->cause, sizeof(gate->cause), "%s", failure->cause);
    gate_plan_probe(gate, failure);
    loop_timer_set(gate->options.loop, &gate->timer, gate->due_ms);
    return news;
}

enum gate_news gate_failed(struct gate *gate, struct blame *blame,
                           const struct gate_failure *failure)
{
    bool known = blame->own;
    enum evidence_of of =
        evidence_fail(&gate->evidence, blame, failure->certain, failure->began_ms);

    /* A probe that failed closes the gate again, even if that event alone is to blame. */
    if (of == EVIDENCE_OF_ALL || gate->state == GATE_PROBING) {
        enum gate_news news = gate_close(gate, failure);
        if (of != EVIDENCE_OF_ONE)
            return news;
    }
    return of == EVIDENCE_OF_ONE && !known ? GATE_BLAMES : GATE_NO_NEWS;
}

bool gate_passed(struct gate *gate)
{
    evidence_pass(&gate->evidence, gate_now_ms(gate));
    if (gate->state == GATE_OPEN)
        return false;
    loop_timer_clear(gate->options.loop, &gate->timer);
    gate->state = GATE_OPEN;
    return true;
}

void gate_probe(struct gate *gate)
{
    if (gate->state != GATE_CLOSED)
        return;
    loop_timer_clear(gate->options.loop, &gate->timer);
    gate_begin_probe(gate);
}

static int64_t gate_gap_ms(const struct gate *gate)
{
    int64_t gap_ms = (gate_now_ms(gate) - gate->since_ms) / GATE_GAP_SHARE;

    if (gap_ms > GATE_GAP_MAX_MS)
        return GATE_GAP_MAX_MS;
    return gap_ms > gate->options.gap_min_ms ? gap_ms : gate->options.gap_min_ms;
}

void gate_knock(struct gate *gate)
{
    int64_t at_ms = gate->moved_ms + gate_gap_ms(gate);

    if (gate->state == GATE_OPEN || !gate->listens)
        return;
    if (loop_timer_is_set(&gate->timer) && gate->timer.at_ms <= at_ms)
        return;
    loop_timer_set(gate->options.loop, &gate->timer, at_ms);
}

int gate_room(const struct gate *gate, int room_open, int max)
{
    switch (gate->state) {
    case GATE_CLOSED:
        return 0;
    case GATE_PROBING:
        return gate->room < max ? gate->room : max;
    case GATE_OPEN:
        break;
    }
    return room_open;
}
