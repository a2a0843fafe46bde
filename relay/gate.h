/* SPDX-License-Identifier: MIT */
/*
 * What keeps a route, or everything, from being sent while it cannot succeed.
 *
 *   OPEN --gate_close--> CLOSED --timer, gate_probe--> PROBING --gate_close--> CLOSED, for longer
 *                                                         '------gate_open---> OPEN
 *
 * While PROBING one attempt at a time may pass: an event that waits anyway.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/dice.h"
#include "base/loop.h"

enum gate_state { GATE_OPEN, GATE_CLOSED, GATE_PROBING };

struct gate {
    enum gate_state state;
    int failures;     /* since it was last open */
    int64_t since_ms; /* mono; when it was closed */
    char cause[64];
    struct loop *loop;
    struct dice *dice;
    struct loop_timer timer;
    void (*changed)(void *ctx); /* it is PROBING now */
    void *ctx;
};

void gate_init(struct gate *gate, struct loop *loop, struct dice *dice, void (*changed)(void *ctx),
               void *ctx);
void gate_done(struct gate *gate);

/* Something showed that nothing passes. True: the gate was open, so that it is worth a log line. */
bool gate_close(struct gate *gate, const char *cause, bool overload, int64_t retry_after_ms);

/* A probe need not wait any longer: what closed the gate may have been mended. */
void gate_probe(struct gate *gate);

/* Something passed. True: the gate was not open. */
bool gate_open(struct gate *gate);

/* How many may be under way: room while it is open, one while probing, none while closed. */
int gate_room(const struct gate *gate, int room);
