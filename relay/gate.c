/* SPDX-License-Identifier: MIT */
/* What keeps events from being sent while they cannot succeed. */
#include "relay/gate.h"

#include <stdio.h>

#include "convex/backoff.h"

static void gate_timer(void *ctx)
{
    struct gate *gate = ctx;

    gate->state = GATE_PROBING;
    gate->changed(gate->ctx);
}

void gate_init(struct gate *gate, struct loop *loop, struct dice *dice, void (*changed)(void *ctx),
               void *ctx)
{
    *gate = (struct gate){
        .loop = loop,
        .dice = dice,
        .timer = {.fn = gate_timer, .ctx = gate},
        .changed = changed,
        .ctx = ctx,
    };
}

void gate_done(struct gate *gate)
{
    if (gate->loop)
        loop_timer_clear(gate->loop, &gate->timer);
}

bool gate_close(struct gate *gate, const char *cause, bool overload, int64_t retry_after_ms)
{
    bool was_open = gate->state == GATE_OPEN;

    if (gate->state == GATE_CLOSED)
        return false; /* the others that were under way */
    if (was_open) {
        gate->failures = 0;
        gate->since_ms = loop_now_ms(gate->loop);
    }
    gate->failures++;
    gate->state = GATE_CLOSED;
    (void)snprintf(gate->cause, sizeof(gate->cause), "%s", cause);
    int64_t wait_ms = backoff_ms(gate->failures, overload, retry_after_ms, gate->dice);
    loop_timer_set(gate->loop, &gate->timer, loop_now_ms(gate->loop) + wait_ms);
    return was_open;
}

void gate_probe(struct gate *gate)
{
    if (gate->state != GATE_CLOSED)
        return;
    loop_timer_clear(gate->loop, &gate->timer);
    gate_timer(gate);
}

bool gate_open(struct gate *gate)
{
    if (gate->state == GATE_OPEN)
        return false;
    loop_timer_clear(gate->loop, &gate->timer);
    gate->state = GATE_OPEN;
    return true;
}

int gate_room(const struct gate *gate, int room)
{
    switch (gate->state) {
    case GATE_CLOSED:
        return 0;
    case GATE_PROBING:
        return 1;
    case GATE_OPEN:
        break;
    }
    return room;
}
