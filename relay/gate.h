/* SPDX-License-Identifier: MIT */
/*
 * A gate: keeps events of a route, or of all routes, from being sent while they cannot succeed.
 *
 *   OPEN --gate_failed--> CLOSED --timer, gate_probe--> PROBING --gate_failed--> CLOSED, for longer
 *                                                          '------gate_passed---> OPEN
 *
 * A failure closes the gate where the evidence says that all events would fail (relay/evidence.h).
 * While PROBING, one attempt more than were in flight may pass: the probe is an event that waits
 * anyway. If the reason of the failure may lie in what was sent, an event that has not been tried
 * yet need not wait for the timer: the event knocks, and passes after a gap that grows with the
 * time that the gate has been closed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/dice.h"
#include "base/loop.h"
#include "relay/evidence.h"

enum {
    GATE_GAP_MAX_MS = 5000, /* between two events that knock */
    GATE_GAP_SHARE = 16,    /* the gap is this part of the time since the gate was closed */
};

enum gate_state { GATE_OPEN, GATE_CLOSED, GATE_PROBING };

enum gate_news {
    GATE_NO_NEWS,
    GATE_CLOSES, /* the gate was open */
    GATE_BLAMES, /* the event alone is to blame, which was not known before */
};

struct gate_failure {
    const char *cause;
    bool certain;           /* every event would fail so: evidence_fail() */
    bool overload;          /* Convex has too much to do: the next probe waits longer */
    bool by_event;          /* the reason may lie in what was sent */
    int64_t began_ms;       /* mono; when the attempt began */
    int64_t retry_after_ms; /* what Convex asked for; -1: nothing */
};

struct gate_options {
    struct loop *loop;
    struct dice *dice;
    const int *in_flight;       /* the number of attempts that are under way behind the gate */
    int gap_min_ms;             /* between two events that knock, at least */
    void (*changed)(void *ctx); /* the gate is PROBING now: gate_room() has changed */
    void *ctx;
};

struct gate {
    enum gate_state state;
    struct evidence evidence;
    int room;         /* while PROBING: how many attempts may be in flight */
    int failures;     /* the one that closed the gate, and those of the timer's probes since */
    int64_t since_ms; /* mono; when the gate was closed */
    int64_t due_ms;   /* mono; when the timer's next probe is due */
    int64_t moved_ms; /* mono; when the gate was last closed, or last began to probe */
    bool listens;     /* events that knock may pass early */
    bool early;       /* the probe under way knocked, and did not wait for due_ms */
    char cause[64];   /* of the failure that closed the gate last */
    struct gate_options options;
    struct loop_timer timer;
};

void gate_init(struct gate *gate, const struct gate_options *options);
void gate_done(struct gate *gate);

/* An attempt failed. blame is the event's, before this gate, and is brought up to date. */
enum gate_news gate_failed(struct gate *gate, struct blame *blame,
                           const struct gate_failure *failure);

/* An event got through, and the gate is open. True: it was not open before. */
bool gate_passed(struct gate *gate);

/* A closed gate probes at once: what closed it may have been mended. */
void gate_probe(struct gate *gate);

/* An event that has not been tried yet stands before the gate. */
void gate_knock(struct gate *gate);

/* How many attempts may be in flight: room_open while OPEN, 0 while CLOSED. While PROBING, one more
 * than were in flight when the probe began, and max at most. */
int gate_room(const struct gate *gate, int room_open, int max);
