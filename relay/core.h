/* SPDX-License-Identifier: MIT */
/* What the parts of the relay share. Who changes a state asks for the pump; see relay/pump.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/dice.h"
#include "base/histogram.h"
#include "base/log_sum.h"
#include "base/loop.h"
#include "convex/transport.h"
#include "convex/verdict.h"
#include "handlers/service.h"
#include "outbox/outbox.h"
#include "relay/delivery.h"
#include "relay/gate.h"
#include "relay/lanes.h"
#include "relay/limit.h"
#include "relay/model.h"
#include "relay/options.h"
#include "relay/ticket.h"

enum {
    CORE_GAP_MS = 100, /* between two that knock at the gate of all, at first */
    /* Of events in memory; above, new ones go to disk. */
    CORE_WINDOW = 4096, /* places, of all models */
    CORE_WINDOW_MODEL_MIN = 16,
    CORE_WINDOW_BYTES = 24 * 1024 * 1024,
    CORE_REASON_MAX = 4096, /* of a message that is kept; the sender gets the whole */
};

enum relay_phase {
    RELAY_SERVES,
    RELAY_STOPPING,  /* /readyz says so */
    RELAY_FINISHING, /* nobody is left to be answered: no attempt begins */
    RELAY_GIVEN_UP,  /* time is up: nothing is read any more, nobody waits for Convex */
};

/* Offers that a walk has refused, since their models have no route. */
struct relay_refusals {
    uint64_t here;            /* of the model where the walk stands */
    uint64_t events, models;  /* of the models behind it */
    const struct model *last; /* of them; NULL: no route has ever named it */
};

struct relay {
    struct inbox inbox;
    struct loop *loop;
    struct transport *transport;
    struct outbox *outbox; /* NULL: off */
    struct dice *dice;
    struct relay_options options;
    enum relay_phase phase;

    struct models models;
    struct models_options model_options;
    struct deliveries deliveries;
    struct tickets tickets;
    struct lanes lanes;
    struct limit limit; /* of the whole: cut only by a stop of everything */
    struct gate gate;   /* of Convex as a whole */
    bool limits_due;    /* a route has changed */

    struct loop_hook pump; /* hangs on the loop while it is asked for */
    bool pump_asked;
    struct model *pages_next; /* whose turn it is to read; NULL: the first */
    int pages;                /* under way */

    struct attempt *attempts_free; /* see relay/attempt.h */
    int suspects;                  /* attempts in flight of events that have failed before */
    int64_t suspect_ms;            /* when the last of them began */
    struct outbox_walk offers_walk;
    bool offers_walking, offers_due;      /* a walk is under way; the next one is due */
    struct relay_refusals offers_refused; /* of the walk at hand */
    int offers_taking;                    /* that the outbox was asked for, and has not answered */
    struct outbox_naming naming;          /* done is set while one is under way */
    bool naming_due;
    bool lost_untold; /* some lost routes may not be in the log yet: see struct model */

    struct loop_timer tend_timer; /* once a second */
    int64_t aged_ms;              /* when the ages were looked at last */
    int64_t ages_from_ms;         /* before, nothing is too old: there has been no time to try */
    int64_t wall_ahead_ms;        /* of the mono clock, at the start */

    struct event_counts other;           /* without an outbox: of models without a route */
    uint64_t refused_other;              /* offers of such models */
    uint64_t next_id;                    /* without an outbox */
    uint64_t outcomes[VERDICT_HELD + 1]; /* of attempts, by enum verdict_outcome */
    struct histogram convex_duration;
    struct log_sum unrouted; /* dead letters of models without a route */
    struct log_sum blamed;   /* events that fail while others do not */
    struct log_sum refused;  /* replays that were */
};

extern const char core_stopping_text[];

/* The states have changed: at the end of this turn of the loop it is looked what follows. */
void core_ask_pump(struct relay *relay);

/* The next event's id: rising, never given before. */
uint64_t core_next_id(struct relay *relay);

/* The event takes its place at the end of its record's lane. As lanes_join(). */
int core_join(struct delivery *delivery, enum lanes_haste haste);

/* Leaves its lane, if it is in one, and is gone. */
void core_finish(struct delivery *delivery);

/* So many places in memory are the model's. */
size_t core_window(const struct model *model);
bool core_is_full(const struct relay *relay);

/* Before it, the event waits; NULL: nothing but its own failure keeps it from being sent. */
const struct gate *core_gate_before(const struct delivery *delivery);

/* How many events of the model wait, as of the last snapshot; of one that is called "other", which
 * has no counts of its own, those in memory. */
uint64_t core_pending_of(struct relay *relay, struct model *model);

/* What there is to count of events without an outbox, which else counts by itself. */
struct event_counts *core_counts_of(struct relay *relay, struct model *model);
void core_count_delivered(struct relay *relay, struct model *model);
void core_count_discarded(struct relay *relay, struct model *model);
