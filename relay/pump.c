/* SPDX-License-Identifier: MIT */
/* The pump. */
#include "relay/pump.h"

#include "relay/attempt.h"
#include "relay/backlog.h"
#include "relay/clock_hold.h"
#include "relay/core.h"
#include "relay/learn.h"
#include "relay/offers.h"
#include "relay/routing.h"

static void pump_withdraw(struct relay *relay)
{
    if (relay->pump_asked)
        loop_hook_remove(relay->loop, &relay->pump);
    relay->pump_asked = false;
}

/* -1: the loop may wait. 0: the loop must run its hooks again, since some ran before the answers
 * that this round has given. */
static int pump_run(void *ctx)
{
    struct relay *relay = ctx;
    uint64_t answered = relay->tickets.answered;

    pump_withdraw(relay); /* whoever asks from now on gets another round in this turn */
    if (relay->limits_due)
        learn_apply_all(relay);
    clock_hold_look(relay);
    backlog_read_all(relay);
    attempt_start_all(relay);
    offers_take_all(relay);
    learn_knock(relay);
    routing_log_lost(relay);
    return relay->tickets.answered == answered ? -1 : 0;
}

void pump_init(struct relay *relay)
{
    relay->pump = (struct loop_hook){.before_wait = pump_run, .ctx = relay};
}

void pump_done(struct relay *relay)
{
    pump_withdraw(relay);
}
