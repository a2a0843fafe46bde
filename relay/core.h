/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the relay share: struct relay and its bounds. Whoever changes a state asks for
 * the pump (relay/pump.h). What the relay promises to rooms above is in relay/relay.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/dice.h"
#include "base/histogram.h"
#include "base/log_sum.h"
#include "base/loop.h"
#include "base/sizes.h"
#include "convex/transport.h"
#include "convex/verdict.h"
#include "handlers/service.h"
#include "outbox/outbox.h"
#include "outbox/outbox_ids.h"
#include "relay/clock_check.h"
#include "relay/delivery.h"
#include "relay/gate.h"
#include "relay/lanes.h"
#include "relay/limit.h"
#include "relay/model.h"
#include "relay/options.h"
#include "relay/ticket.h"

enum {
    CORE_GAP_MS = 100, /* between two events that knock at the upstream gate, at first */
    /* The window: events in memory. Above these bounds new events go to disk alone. */
    CORE_WINDOW = 4096,         /* places in lanes, of all models together; with batches twice */
    CORE_WINDOW_MODEL_MIN = 16, /* places that each model has at least */
    CORE_WINDOW_BYTES = 24 * 1024 * 1024,
    CORE_REASON_MAX = 4096, /* bytes of a reason that are stored; the sender gets the whole */
};

enum relay_phase {
    RELAY_SERVES,
    RELAY_STOPPING,  /* a stop has begun, and /readyz says so; all else goes on */
    RELAY_FINISHING, /* every sender is answered: no attempt begins */
    RELAY_GIVEN_UP,  /* DRAIN_MS is over: no page is read, no sender waits for Convex */
};

/* The offers that one walk has refused because their models have no route. */
struct relay_refusals {
    uint64_t here;            /* of the model where the walk stands */
    uint64_t events, models;  /* of the models that the walk has left behind */
    const struct model *last; /* the latest of those models; NULL: no route has ever named it */
};

/* What is known of the clock that ids come from: relay/clock_hold.c. */
struct relay_clock {
    struct clock_check check;
    bool wanted;      /* some route has sequence */
    int64_t since_ms; /* mono; since when routes with sequence are held, or are not */
    bool asking;      /* the call that asks Convex is under way */
    struct call call;
    int64_t asked_ms;        /* mono; when the latest such call began */
    int failures;            /* calls in a row that nothing answered */
    int lost;                /* of these, the latest ones that had been sent */
    struct blame blame;      /* for those failures */
    struct loop_timer timer; /* asks again */
};

struct relay {
    struct inbox inbox;
    struct loop *loop;
    struct transport *transport;
    struct outbox *outbox; /* NULL: OUTBOX is off */
    bool journal;          /* the outbox gives the ids, and stores each event before it is sent */
    struct dice *dice;
    struct relay_options options;
    enum relay_phase phase;

    struct models models;
    struct models_options model_options;
    struct deliveries deliveries;
    struct tickets tickets;
    struct lanes lanes;
    struct limit limit; /* of attempts of all models; never cut, but restarted when gate opens */
    struct gate gate;   /* the upstream gate: Convex as a whole */
    struct relay_clock clock;
    bool limits_due; /* a route has changed: the pump calls learn_apply_all() */

    LIST_HEAD(intake_groups, intake_group) groups; /* that the outbox is storing: relay/intake.c */

    struct loop_hook pump; /* hangs on the loop while pump_asked */
    bool pump_asked;
    struct model *pages_next; /* the model that may read a page next; NULL: the first one */
    int pages;                /* how many pages are being read */

    struct attempt *attempts_free; /* kept for later attempts: relay/attempt.c */
    int suspects;                  /* attempts in flight of events that have failed before */
    int64_t suspect_ms;            /* mono; when the latest of those attempts began */
    struct outbox_walk offers_walk;
    bool offers_walking;                 /* a walk is under way */
    bool offers_due;                     /* a walk has failed, or one more was asked for */
    struct relay_refusals walk_refusals; /* of the walk under way */
    int offers_taking;           /* offers that the outbox is taking or refusing at the moment */
    struct outbox_naming naming; /* under way while naming.done is set */
    bool naming_due;             /* some model may have no counts of its own in the outbox yet */
    bool recall_due;             /* the models that the outbox has named are not known yet */
    bool lost_untold;            /* some lost route may not be in the log yet: struct model */

    struct loop_timer tend_timer; /* once a second */
    int64_t aged_ms;              /* mono; when ages were checked last */
    int64_t ages_from_ms;         /* mono; until then no event is too old: relay/age.c */
    int64_t wall_ahead_ms;        /* wall clock minus mono clock, at the start: relay/age.c */

    struct event_counts other;           /* of models without counts of their own */
    uint64_t refused_other;              /* the offers of those models that were refused */
    struct outbox_ids ids;               /* gives ids where there is no outbox */
    uint64_t outcomes[VERDICT_HELD + 1]; /* attempts, by enum verdict_outcome */
    struct sizes batch_sizes;            /* of calls with several events */
    uint64_t batch_splits;               /* batches that were sent again in halves */
    struct histogram convex_duration;    /* ms from an attempt's begin to its answer */
    char why_away[OUTBOX_WHY_MAX];       /* the outbox; for the snapshot that was filled last */
    struct log_sum unrouted;             /* logs letters that never were in a lane */
    struct log_sum blamed;               /* logs events that fail while others get through */
    struct log_sum refused;              /* logs replays that were refused one by one */
};

extern const char core_stopping_text[];

/* A state has changed: the pump runs at the end of this turn of the loop. */
void core_ask_pump(struct relay *relay);

/* The id of the next event: higher than every id before, and never given twice. 0: the outbox gives
 * it with the row. */
uint64_t core_next_id(struct relay *relay);

/* Whether a new event of the model must go to disk alone, without a place in memory. */
bool core_must_spill(const struct model *model);

/* An event that is on disk has got an id higher than all before. True: it stands at the end of its
 * record's lane; false: it is spilled, and a page brings it back. */
bool core_place(struct delivery *delivery, enum lanes_haste haste);

/* Puts the event at the end of its record's lane. If the model's gate is not open, the event
 * knocks. Outcomes of lanes_join(). */
int core_join(struct delivery *delivery, enum lanes_haste haste);

/* The event leaves its lane, if any, and the delivery is freed. */
void core_finish(struct delivery *delivery);

/* How many places in memory the model may have: a share of the window; where its route has batches,
 * which grow with the events at hand, half of what other models leave. */
size_t core_window(const struct model *model);

/* Whether the events in memory take all the bytes that the window has. */
bool core_is_full(const struct relay *relay);

/* The gate that the event waits before; NULL: both of its gates are open. */
const struct gate *core_gate_before(const struct delivery *delivery);

/* Whether the model's events would get ids from a clock that may be off, as their arguments. */
bool core_is_held_by_clock(const struct model *model);

/* How many events of the model are pending, as of the last snapshot. For a model that is called
 * "other", which has no counts of its own: how many are in memory. */
uint64_t core_pending_of(struct relay *relay, struct model *model);

/* Where events of the model count: model (may be NULL), or relay.other for all models without
 * counts of their own. With an outbox the counts are copies of the store's. */
struct event_counts *core_counts_of(struct relay *relay, struct model *model);

/* Without an outbox: one more event of the model was accepted, and delivered or discarded. */
void core_count_delivered(struct relay *relay, struct model *model);
void core_count_discarded(struct relay *relay, struct model *model);
