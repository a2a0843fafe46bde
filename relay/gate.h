/* SPDX-License-Identifier: MIT */
/*
 * What keeps a route, or everything, from being sent while it cannot succeed.
 *
 *   OPEN --gate_failed--> CLOSED --timer, gate_probe--> PROBING --gate_failed--> CLOSED, for longer
 *                                                          '------gate_passed---> OPEN
 *
 * A failure closes it where the evidence says that it is everybody's (relay/evidence.h). While
 * PROBING one attempt more than were under way may pass: an event that waits anyway. Where what was
 * sent may be why it was refused, one that has not been tried yet need not wait for the timer: it
 * knocks, and is let through after a gap that grows with the time that nobody has passed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/dice.h"
#include "base/loop.h"
#include "relay/evidence.h"

enum {
    GATE_GAP_MAX_MS = 5000, /* between two that knock */
    GATE_GAP_SHARE = 16,    /* of the time since it was closed */
};

enum gate_state { GATE_OPEN, GATE_CLOSED, GATE_PROBING };

enum gate_news {
    GATE_NO_NEWS,
    GATE_CLOSES, /* it was open */
    GATE_BLAMES, /* the event is to blame, which was not known */
};

struct gate_failure {
    const char *cause;
    bool certain;  /* as evidence_fail() */
    bool overload; /* wait longer */
    bool by_event; /* what was sent may be why */
    int64_t began_ms;
    int64_t retry_after_ms; /* -1: none given */
};

struct gate_options {
    struct loop *loop;
    struct dice *dice;
    const int *in_flight;       /* how many are under way */
    int gap_min_ms;             /* between two that knock */
    void (*changed)(void *ctx); /* it is PROBING now, or has room for one more */
    void *ctx;
};

struct gate {
    enum gate_state state;
    struct evidence evidence;
    int room;         /* while PROBING: how many may be under way */
    int failures;     /* of probes that were due, since it was last open */
    int64_t since_ms; /* mono; when it was closed */
    int64_t due_ms;   /* the next probe, whoever knocks before it */
    int64_t tried_ms; /* when it was closed or has begun to probe, last */
    bool listens;     /* to who knocks */
    bool early;       /* it is PROBING since somebody has knocked */
    char cause[64];
    struct gate_options options;
    struct loop_timer timer;
};

void gate_init(struct gate *gate, const struct gate_options *options);
void gate_done(struct gate *gate);

/* An event was tried, and failed. */
enum gate_news gate_failed(struct gate *gate, struct blame *blame,
                           const struct gate_failure *failure);

/* An event got through. True: the gate was not open. */
bool gate_passed(struct gate *gate);

/* A probe need not wait any longer: what closed the gate may have been mended. */
void gate_probe(struct gate *gate);

/* Somebody who has not been tried yet stands before it. */
void gate_knock(struct gate *gate);

/* How many may be under way: room while it is open, max at most. */
int gate_room(const struct gate *gate, int room, int max);
