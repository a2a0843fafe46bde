/* SPDX-License-Identifier: MIT */
/*
 * A relay with everything around it in the test's hands: the clock, the dice, Convex. Only the
 * outbox is real: SQLite in a file of its own, written by a thread, behind a store that fails or
 * waits where a test says so.
 *
 * Time passes only in world_run() and world_run_until(), in steps, so that a day takes seconds.
 * Each step waits for the outbox's thread, so that a disk takes no time; world_run_past_disk() does
 * not wait. Events are of records "r0", "r1" ..., and carry a number that rises.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/log.h"
#include "base/loop.h"
#include "handlers/snapshot.h"
#include "handlers/sync.h"
#include "outbox/outbox.h"
#include "outbox/store_sqlite.h"
#include "relay/relay.h"
#include "tests/unit/lib/fault_store.h"
#include "tests/unit/lib/journal_store.h"
#include "tests/unit/lib/rows.h"

enum {
    WORLD_RECORDS = 20000,
    WORLD_ITEMS_MAX = 512,
    WORLD_START_MS = 1000 * 1000,
    WORLD_LOOK_STEPS = 64,
    WORLD_DISK_WAIT_MS = 10,
};

#define WORLD_DAY_MS (INT64_C(24) * 3600 * 1000)

struct world;

/* What Convex makes of an attempt, and when. */
struct world_answer {
    int64_t after_ms;
    struct answer answer;
};

typedef struct world_answer (*world_convex_fn)(struct world *world, const char *path, int record,
                                               int number);

struct world_options {
    bool keeps_nothing;
    bool journal; /* the outbox's store is a journal; so it is where RELAY_ON_A_JOURNAL is set */
    bool away;    /* the journal is away at each start */
    int concurrency;
    int64_t sync_wait_ms;
    int64_t step_ms;
    const char *routes; /* JSON; NULL: users and posts */
};

/* An event's sender; the world's. */
struct sender {
    struct request request;
    bool answered;
    enum reply reply;
    struct buf message;
    SLIST_ENTRY(sender) link;
};

struct world_item {
    int record, number; /* a removal's number is -1 */
    uint64_t sequence;  /* the last syncSeq; 0: there is none */
    bool undone;        /* though the call succeeds */
};

/* A call that is in flight, of one event or of a batch. */
struct world_call {
    struct world *world;
    struct call *call;
    struct loop_timer timer;
    struct world_answer answer;
    char path[64];
    bool for_date; /* of no event */
    bool batch;
    int count;
    struct world_item items[WORLD_ITEMS_MAX];
    struct buf body; /* of the answer, where it is made */
    TAILQ_ENTRY(world_call) link;
};

typedef struct world_answer (*world_batch_fn)(struct world *world, struct world_call *call);
typedef struct world_answer (*world_date_fn)(struct world *world);

struct world {
    struct clock clock;
    int64_t now_ms;
    int64_t leapt_ms; /* by the wall clock */
    struct dice dice;
    struct world_options options;
    char folder[64];
    struct loop *loop;
    struct loop_hook hook;
    struct fault_store disk;      /* around the outbox's store */
    struct journal_store journal; /* between the two */
    struct outbox *outbox;
    struct routes *routes;
    struct relay *relay;
    struct transport transport;
    world_convex_fn convex;
    world_batch_fn batch;                       /* NULL: a loop over convex */
    world_date_fn asked;                        /* answers calls for a Date; NULL: they succeed */
    void (*saw)(const struct world_call *call); /* each attempt, before its answer; NULL: nobody */
    bool says_date; /* answers have a Date, which is the wall clock's but for its leaps ... */
    int64_t set_ms; /* ... and so much later */
    char date[40];
    TAILQ_HEAD(, world_call) calls;
    SLIST_HEAD(, sender) senders;
    struct outbox_read barrier;
    bool barrier_set, awaits_disk;
    int steps;
    /* What Convex has seen. */
    int attempts, done, flying, flying_max;
    int asks;               /* calls for a Date */
    int batches, batch_max; /* calls with several events, and the largest of them */
    int disorders;          /* an older event of a record done after a newer one */
    int overlaps;           /* two attempts of a record at once */
    int newest[WORLD_RECORDS];
    bool busy[WORLD_RECORDS];
};

/* ---- answers of Convex, after 20 ms; that Convex cannot be reached is known after 1 ms ---- */

struct world_answer world_http(int status, const char *body);
struct world_answer world_done(void);
struct world_answer world_rejected(void);
struct world_answer world_no_function(void);
struct world_answer world_unreachable(void);
struct world_answer world_lost(void);

/* ---- time ---- */

void world_step(struct world *world);
void world_run(struct world *world, int64_t ms);
/* Runs until the condition holds, and fails the test where that takes longer than at_most_ms. */
void world_run_until(struct world *world, bool (*holds)(struct world *world), int64_t at_most_ms);
/* Runs while the disk is held: the outbox does none of its jobs meanwhile. */
void world_run_past_disk(struct world *world, int64_t ms);
/* Waits until the outbox has done all jobs, by a read that is submitted last; or until its journal
 * is away. */
void world_wait_for_disk(struct world *world);
/* The journal goes away, and the outbox has met that, or will at its next commit. */
void world_go_away(struct world *world, enum journal_end end);
/* The journal is back, and all jobs are done. */
void world_come_back(struct world *world);

/* ---- the relay ---- */

/* A world whose relay runs, with the options' defaults filled in. */
struct world *world_new(const struct world_options *options);
void world_free(struct world *world);

void world_start(struct world *world);
/* Ends the relay as a crash would; but jobs that the outbox has by then are still done. */
void world_stop(struct world *world);
void world_restart(struct world *world);

/* The routes from the next start on; NULL: users and posts. */
void world_load_routes(struct world *world, const char *json);
/* The routes from now on, as a SIGHUP does. */
void world_reload(struct world *world, const char *json);

/* ---- senders ---- */

/* Gives the relay an event as the HTTP server would; large: with so many bytes of padding. */
struct sender *world_send(struct world *world, const char *model, int record, int number);
struct sender *world_send_large(struct world *world, const char *model, int record, int number,
                                int bytes);

/* The same with any body. */
struct sender *world_post(struct world *world, const char *body);

/* ---- what there is ---- */

/* Opens a second store on the same file, which the caller closes. */
struct store *world_open(struct world *world, enum store_mode mode);
/* The store's counts, whose sum holds. */
struct store_counts world_counts(struct world *world);
/* Fills the snapshot as for the admin port. Returns the model's route there; NULL: it has none. */
const struct snapshot_route *world_look(struct world *world, struct snapshot *snapshot,
                                        const char *model);
/* The relay's counts of all models in one, whose sum holds. */
struct event_counts world_sum(struct world *world);
