/* SPDX-License-Identifier: MIT */
/*
 * A model: what the relay knows of one beyond its route. A reload replaces the route alone; lanes,
 * limit, gate and queue stay.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/log_sum.h"
#include "base/loop.h"
#include "base/table.h"
#include "convex/verdict.h"
#include "handlers/routes.h"
#include "handlers/snapshot.h"
#include "outbox/outbox.h"
#include "relay/batching.h"
#include "relay/gate.h"
#include "relay/lanes.h"
#include "relay/limit.h"
#include "relay/queue.h"

struct relay;

/* Between two events that knock at a model's gate; Convex bills the calls that fail there. */
enum { MODEL_GAP_MS = 1000 };

/* The model's offers, which are letters that somebody wants sent again: relay/offers.c. */
struct model_offers {
    bool wanted;             /* the outbox may have offers that are to be read */
    bool reading;            /* offers are being read */
    bool failed;             /* reading or taking failed: relay_tend() lets both begin again */
    int taking;              /* how many offers the outbox is taking or refusing at the moment */
    uint64_t refused;        /* how many offers were refused since the start */
    struct outbox_read read; /* while reading */
};

struct model {
    struct table_node node; /* in models.table, by name */
    TAILQ_ENTRY(model) link;
    struct relay *relay;
    char *name;
    struct routes *routes;     /* keeps route alive; NULL: the model has had no route so far */
    const struct route *route; /* the latest one, also while lost */
    uint64_t generation;       /* of route: rises with each new one; 0: there was none */
    bool lost;                 /* ROUTES does not name the model: its events wait */
    bool lost_untold;          /* lost, and the log does not say so yet */
    int64_t lost_ms;           /* mono; since when it is lost */

    struct lane_group lanes;
    struct limit limit;
    struct batching batching;
    struct gate gate;
    struct queue queue;
    struct outbox_read page; /* while queue.reading */
    bool page_failed;        /* the next page waits for relay_tend() */
    struct model_offers offers;

    struct event_counts counts;         /* with an outbox: the store's, as of the last snapshot */
    struct snapshot_route *snapshot;    /* the model's row in the snapshot that is being filled */
    struct log_sum failures;            /* logs letters; without an outbox, discarded events */
    enum verdict_outcome error_outcome; /* of the attempt that failed last */
    int64_t error_ms;                   /* mono; when that attempt failed */
    char error[64]; /* the cause of that failure; empty: no attempt has failed yet */
};

struct models {
    struct table table;
    TAILQ_HEAD(model_list, model) list; /* in the order in which they became known */
};

struct models_options {
    struct relay *relay;
    struct loop *loop;
    struct dice *dice;
    int concurrency;
    bool keeps;                      /* there is an outbox */
    uint64_t last_id;                /* of queue_begin() */
    void (*gate_changed)(void *ctx); /* see struct gate_options; ctx is the model */
};

/* 0 or an -errno. */
int models_init(struct models *models);

/* Frees all models. */
void models_done(struct models *models);

/* The model of that name; NULL: it is not known. */
struct model *models_find(const struct models *models, struct span name);

/* Makes a model that is not known yet, without a route: it is lost. 0 or -ENOMEM. */
int models_add(struct models *models, const struct models_options *options, struct span name,
               struct model **model);

/* Frees the models that became known after last (NULL: all). They must have no events. */
void models_forget_after(struct models *models, const struct model *last);

/* The model has that route from now on, and takes its own reference to routes. concurrency: what
 * CONVEX_CONCURRENCY allows; the route may allow less. */
void model_set_route(struct model *model, struct routes *routes, const struct route *route,
                     int concurrency);

/* How many attempts of the model may be in flight: what the limit and the gate allow. */
int model_room(const struct model *model);

/* An attempt failed: /status shows the latest failure of each model. */
void model_note_error(struct model *model, const struct verdict *verdict, int64_t now_ms);
