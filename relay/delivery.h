/* SPDX-License-Identifier: MIT */
/* One event on its way, and what the parts of the relay share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/event.h"
#include "base/log_sum.h"
#include "base/loop.h"
#include "base/table.h"
#include "convex/transport.h"
#include "convex/verdict.h"
#include "handlers/envelope.h"
#include "handlers/service.h"
#include "handlers/snapshot.h"
#include "outbox/outbox.h"
#include "relay/gate.h"
#include "relay/lanes.h"
#include "relay/limit.h"
#include "relay/relay.h"

enum {
    DELIVERY_REASON_MAX = 4096, /* of a message that is kept; the sender gets the whole */
    RELAY_GAP_MS = 100,         /* between two that knock at the gate of all, at first */
    RELAY_ROUTE_GAP_MS = 1000,  /* and at that of a route, whose failures are billed */
};

/* What becomes of an event; who waits for what. One function moves it: delivery_enter(). */
enum delivery_state {
    DELIVERY_SPILLED,  /* only to be stored: it comes back as a page of the backlog */
    DELIVERY_WAITING,  /* in its lane; at its head also for the disk, or while it is early */
    DELIVERY_FLYING,   /* an attempt is in flight */
    DELIVERY_RESTING,  /* an attempt failed, and a timer runs until the next */
    DELIVERY_SETTLING, /* its fate is decided and being written */
    DELIVERY_STATES_,
};

enum delivery_stored {
    DELIVERY_UNSTORED,   /* it is not in the outbox and nobody is putting it there */
    DELIVERY_STORING,    /* submitted */
    DELIVERY_STORED,     /* on disk */
    DELIVERY_UNSTORABLE, /* the outbox could not take it */
};

/*
 * What may come together:
 *
 *   state     stored        overdue             doomed              stale
 *   SPILLED   STORING       -                   -                   -
 *   WAITING   any           unless UNSTORABLE   -                   -
 *   FLYING    any           any                 overdue, no row     -
 *   RESTING   any           unless UNSTORABLE   -                   -
 *   SETTLING  any           any                 any                 in no lane, to be buried
 *
 * Without a row, an event that is overdue lives on only while an attempt of its is in flight.
 * Without an outbox all are UNSTORED, and none is overdue.
 */
struct delivery {
    enum delivery_state state;
    enum delivery_stored stored;
    struct event event;
    size_t bytes, unstored_bytes; /* of it, in those of the relay */
    struct relay *relay;
    struct relay_route *route; /* NULL: of a model without one, to be buried */
    uint64_t made_for;         /* the route's generation that event.args were made for; 0: none */
    struct lane_place place;   /* place.seq is the event's id in the outbox */

    struct request *request;             /* who waits for the answer; NULL: nobody (any more) */
    char request_id[REQUEST_ID_MAX + 1]; /* empty: it comes from disk */
    enum reply reply;                    /* of a burial, once it is written */
    struct buf message;                  /* for the reply, whole */
    bool overdue;                        /* the answer has waited for Convex long enough */
    bool stale;    /* a dead letter that a newer event of its record has overtaken */
    bool replayed; /* it was a dead letter, and counts in relay.replayed */
    bool early;    /* it is not sent before relay_reads_earlier() is over; counts in route.early */
    bool suspect;  /* in flight, and has failed before: counts in relay.suspects */
    bool doomed;   /* its sender was told 503: it goes unless Convex takes it */
    int64_t answer_by_ms;

    struct buf before_args;
    struct call call;
    uint64_t attempt; /* see limit_begin() */
    int attempts;
    struct blame blame, route_blame; /* before the gate of all, and before its route's */
    int strikes;                     /* attempts of this process that verdict.tries_max counts */
    int64_t tried_ms;                /* wall clock; 0: never */
    int64_t began_ms;                /* mono; the attempt at hand */
    int64_t since_ms;        /* mono; its age counts from here: it arrived, or was replayed */
    struct buf reason;       /* why the last attempt failed */
    struct loop_timer timer; /* while RESTING; and while SETTLING, until the disk is asked again */

    struct buf noted; /* the reason as the note at hand has it: the outbox reads it meanwhile */
    struct outbox_op append, note, fate;
    int fate_result;
    TAILQ_ENTRY(delivery) fated;   /* relay.fated, until replays are in */
    TAILQ_ENTRY(delivery) link;    /* relay.deliveries */
    TAILQ_ENTRY(delivery) waiting; /* relay.waiting, while somebody waits for the answer */
};
TAILQ_HEAD(delivery_list, delivery);

/* Rows from the outbox on their way into their lanes. */
struct relay_intake {
    struct relay *relay;
    bool replays;
    void (*done)(struct relay_intake *intake); /* all are in */
    struct outbox_rows rows;
    size_t read_bytes;              /* of the first one */
    struct envelope envelope;       /* that they were fed to */
    TAILQ_ENTRY(relay_intake) link; /* relay.intakes, while some are left */
};
TAILQ_HEAD(relay_intakes, relay_intake);

/* What the relay knows of a model beyond its configuration. */
struct relay_route {
    struct table_node node; /* in relay.routes, by model */
    struct relay *relay;
    char *model;
    struct routes *routes; /* keeps route alive */
    const struct route *route;
    uint64_t generation; /* of route: rises with each reload */
    struct lane_route lanes;
    struct limit limit;
    struct gate gate;
    struct event_counts counts; /* by relay_counts_of() */
    bool counted;               /* its rows are in the counts */
    enum verdict_outcome error_outcome;
    int64_t error_ms;            /* mono */
    char error[64];              /* the verdict's cause; empty: no attempt has failed yet */
    struct snapshot_route *look; /* while a snapshot is made */
    struct log_sum failures;     /* dead letters, or without an outbox what they would be */

    bool lost;       /* the configuration has it no more: its events become dead letters */
    uint64_t strays; /* how many have, and no log line has told of yet */

    bool backlog; /* there are events on disk behind cursor: new ones go there, too */
    bool spilled; /* some have gone there since the read at hand was submitted */
    bool reading;
    bool looked;     /* a read has come to its end since the start */
    size_t early;    /* deliveries that wait until all that is older than this process is read */
    bool more;       /* on disk, behind the page at hand */
    uint64_t cursor; /* the last id that was taken into memory */
    struct outbox_read read;
    struct relay_intake intake;
    TAILQ_ENTRY(relay_route) link;
};
TAILQ_HEAD(relay_routes, relay_route);

struct relay {
    struct inbox inbox;
    struct loop *loop;
    struct transport *transport;
    struct outbox *outbox; /* NULL: off */
    struct dice *dice;
    struct relay_options options;

    struct lanes lanes;
    struct limit limit;      /* of the whole: cut only by a stop of everything */
    struct gate gate;        /* of Convex as a whole */
    struct log_sum unrouted; /* dead letters of models without a route */
    int suspects;            /* events in flight that have failed before */
    int64_t suspect_ms;      /* when the last of them began */
    struct log_sum blamed;   /* events that fail while others do not */
    struct table routes_by_model;
    struct relay_routes routes;

    struct event_counts other;   /* of models without a route */
    struct outbox_census census; /* done is set while one is under way */
    bool census_due;
    bool counted; /* what the start has found is in the counts */
    uint64_t discarded_seen;
    uint64_t outcomes[VERDICT_HELD + 1]; /* of attempts, by enum verdict_outcome */
    struct histogram convex_duration;

    struct delivery_list deliveries;
    struct delivery_list waiting; /* in the order of answer_by_ms */
    struct loop_timer answer_timer;
    struct loop_timer tend_timer; /* once a second: replays, ages */
    int64_t aged_ms;              /* when the ages were looked at last */
    int64_t ages_from_ms;         /* before, nothing is too old: there has been no time to try */
    int64_t wall_ahead_ms;        /* of the mono clock, at the start */
    struct outbox_read replays;
    bool replays_reading;
    bool replays_failed; /* to be read; tried again with the next tick */
    struct relay_intake replays_intake;
    struct relay_intakes intakes; /* one after the other */
    struct loop_hook intake_hook; /* while there are any */
    struct loop_timer intake_again;
    struct delivery_list fated; /* their fates are written, and replays are coming in */
    size_t bytes;          /* of events in memory: bodies, and arguments that are no part of one */
    size_t unstored_bytes; /* of them, of events that are not on disk */
    size_t count;          /* of deliveries */
    size_t replayed, replayed_bytes; /* of them, that were dead letters */
    uint64_t next_id;                /* without an outbox */
    uint64_t earlier_id;             /* the last one that another process has given */
    int reads;                       /* of routes, under way */
    struct relay_route *read_next;   /* whose turn it is to read; NULL: the first */
    struct outbox_walk strays;
    bool strays_walking;
    uint64_t strays_buried; /* of the model at hand */
    bool dispatching;
    bool stopping;
    bool sends_no_more;
    bool given_up;
};

extern const char relay_stopping_text[];

/* ---- delivery.c ---- */

/* Takes the event's bytes; *event is empty afterwards. NULL: out of memory, and nothing happened.
 */
struct delivery *delivery_new(struct relay *relay, struct event *event, struct request *request);
struct delivery *delivery_free(struct delivery *delivery);
void delivery_enter(struct delivery *delivery, enum delivery_state state);
/* What the event takes in memory has changed, or whether it is on disk. */
void delivery_count_bytes(struct delivery *delivery);
/* It was a dead letter. */
void delivery_count_replayed(struct delivery *delivery);
/* The attempt that begins is one of an event that has failed before, maybe by its own fault. */
void delivery_begin_suspect(struct delivery *delivery);
void delivery_begin_early(struct delivery *delivery);
void delivery_end_early(struct delivery *delivery);
/* Answers who waits, if anybody still does. */
void delivery_reply(struct delivery *delivery, enum reply reply, struct span message);
/* Begins to wait: the answer is due within SYNC_WAIT_MS. */
void delivery_wait(struct delivery *delivery);
/* The answer is due: gives it, as far as it is known what holds. */
void delivery_overdue(struct delivery *delivery);

/* NULL: it has none any more. */
static inline const char *delivery_request_id(const struct delivery *delivery)
{
    return delivery->request_id[0] ? delivery->request_id : NULL;
}

/* ---- relay_settle.c: the outbox's side ---- */

void relay_store(struct delivery *delivery);
/* Whether it is not to be sent before it is on disk. */
bool relay_goes_to_disk_first(const struct delivery *delivery);
void relay_settle_delivered(struct delivery *delivery);
/* Becomes a dead letter; reason is kept (its beginning). The reply waits for the disk. */
void relay_settle_bury(struct delivery *delivery, enum reply reply, struct span reason);
void relay_note_failure(struct delivery *delivery);
/* The replays are in: who has waited for them goes. */
void relay_settle_fated(struct relay *relay);
/* Leaves the lane and is gone. */
void relay_finish(struct delivery *delivery);

/* ---- relay_count.c: how many events there are, and were ---- */

enum relay_end { RELAY_END_DELIVERED, RELAY_END_BURIED, RELAY_END_DISCARDED };

/* Where events of a model with this route (NULL: none) are counted. */
struct event_counts *relay_counts_of(struct relay *relay, struct relay_route *route);
/* The event is on disk, pending. */
void relay_count_stored(struct delivery *delivery);
/* What was to become of the event has become of it, on disk where it was there. */
void relay_count_end(struct delivery *delivery, enum relay_end end);
/* An event of the model cannot be delivered, and nobody keeps it. */
void relay_count_unkept(struct relay *relay, struct span model);
/* So many pending events of the model became dead letters on disk. */
void relay_count_buried(struct relay *relay, struct span model, uint64_t events);
/* A dead letter of the model is pending again. */
void relay_count_replayed(struct relay *relay, struct span model);
/* Counts anew what is on disk, now or, where that cannot be, with the next tick. */
void relay_take_census(struct relay *relay);
/* Looks whether somebody else has taken events out of the outbox. */
void relay_count_others_doings(struct relay *relay);

/* ---- relay_look.c ---- */

/* inbox.look */
int relay_look(struct inbox *inbox, struct snapshot *snapshot);

/* ---- relay_attempt.c: Convex's side ---- */

/* Starts whatever may go. */
void relay_dispatch(struct relay *relay);
/* All that an earlier process may have tried is in: replays that have waited for it may go. */
void relay_end_early(struct relay_route *route);

/* For the route as it is now: after a reload they may have to be others. 0, or an outcome of
 * args_make(). */
int relay_make_args(struct delivery *delivery, struct buf *message);

/* Whoever was held may be tried now. */
void relay_probe(struct relay *relay);
/* A gate has opened: who has rested before it goes on. */
void relay_wake(struct relay *relay);

/* ---- relay_learn.c: gates and limits ---- */

/* Gates and limits have changed. */
void relay_apply_limits(struct relay *relay);
void relay_apply_route_limit(struct relay_route *route);
/* For gates: probing has begun. */
void relay_gate_changed(void *relay);
void relay_route_gate_changed(void *route);
/* Who is ready and has not been tried yet may not have to wait for the next probe. */
void relay_knock(struct relay *relay);
/* One has come: it need not, nor before its route's gate. */
void relay_knock_at_route(struct relay_route *route);
/* What the answer says of the route, and of Convex. */
void relay_learn(struct delivery *delivery, const struct verdict *verdict);

/* ---- relay_age.c ---- */

/* The start: ages are taken from the clocks as they are now. */
void relay_age_begin(struct relay *relay);
/* How long before wall_ms, which is now, something arrived; -1: that cannot be known. */
int64_t relay_age_of(const struct relay *relay, int64_t wall_ms, int64_t arrived_ms);
/* Whether it is past RETRY_MAX_AGE_HOURS. */
bool relay_age_is_over(const struct delivery *delivery);
/* It becomes a dead letter for that. */
void relay_age_bury(struct delivery *delivery);
/* So do all that wait, however long their route is held. */
void relay_age_bury_all(struct relay *relay);

/* ---- relay_backlog.c: pages of what is on disk ---- */

/* Whether a new event of the route must go to disk without a place in memory. */
bool relay_must_spill(const struct relay_route *route);
/* Reads on, where there is something to read and room for it. True: a read begins. */
bool relay_page(struct relay_route *route);
void relay_page_all(struct relay *relay);
/* Whether there may be events on disk that an earlier process has tried. */
bool relay_reads_earlier(const struct relay_route *route);
/* relay is a struct relay. */
void relay_take_up_replays(void *relay);

/* Takes its place in the lane. As lanes_join(). */
int relay_join(struct delivery *delivery);

/* ---- relay_intake.c: from rows to lanes ---- */

void relay_intake_init(struct relay_intake *intake, struct relay *relay, bool replays);
void relay_intake_done(struct relay_intake *intake);
/* Whether some of its rows are not in yet. */
bool relay_intake_is_busy(const struct relay_intake *intake);
/* Takes the rows, which may be none, and calls done() once all are in, maybe before it returns. */
void relay_intake_take(struct relay_intake *intake, struct outbox_rows *rows);

/* ---- relay_strays.c: events whose model has no route ---- */

/* The event becomes a dead letter; the log tells of all of them at once, later. */
void relay_bury_stray(struct delivery *delivery);
/* The route is not in the configuration any more. */
void relay_lose_route(struct relay_route *route);
/* Looks for such events on disk. */
void relay_find_strays(struct relay *relay);

/* ---- relay_routes.c ---- */

/* 0 or -ENOMEM. */
int relay_route_get(struct relay *relay, struct routes *routes, const struct route *route,
                    struct relay_route **out);
struct relay_route *relay_route_find(struct relay *relay, struct span model);
/* Makes room for the models that are not known yet. 0, or an -errno and they are still unknown. */
int relay_routes_reserve(struct relay *relay, struct routes *routes);
void relay_routes_free(struct relay *relay);
