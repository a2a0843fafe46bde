/* SPDX-License-Identifier: MIT */
/*
 * What the relay knows of a model beyond its configuration, which a reload replaces: its lanes, its
 * limit, its gate, what of it is on disk.
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
#include "relay/gate.h"
#include "relay/lanes.h"
#include "relay/limit.h"
#include "relay/queue.h"

struct relay;

enum { MODEL_GAP_MS = 1000 }; /* between two that knock at its gate, whose failures are billed */

/* Dead letters of the model that somebody wants sent again; see relay/offers.h. */
struct model_offers {
    bool wanted;  /* there may be some to look for */
    bool reading; /* a look is under way */
    bool failed;  /* the next look waits for relay_tend() */
    int taking;   /* how many are being taken */
    uint64_t refused;
    struct outbox_read read;
};

struct model {
    struct table_node node; /* in models.table, by name */
    TAILQ_ENTRY(model) link;
    struct relay *relay;
    char *name;
    struct routes *routes;     /* keeps route alive; NULL: it has had none in this process */
    const struct route *route; /* the last one that it had */
    uint64_t generation;       /* of route: rises with each reload */
    bool lost;                 /* the configuration has no route for it: its events wait */
    bool lost_untold;          /* the log has not said so yet */
    int64_t lost_ms;           /* mono; since then */

    struct lane_group lanes;
    struct limit limit;
    struct gate gate;
    struct queue queue;
    struct outbox_read page; /* while queue.reading */
    bool page_failed;        /* the next one waits for relay_tend() */
    struct model_offers offers;

    struct event_counts counts;      /* with an outbox: the store's, as of the last snapshot */
    struct snapshot_route *snapshot; /* the row that is being filled; NULL outside of that */
    struct log_sum failures;         /* letters, or without an outbox what they would be */
    enum verdict_outcome error_outcome;
    int64_t error_ms; /* mono */
    char error[64];   /* the verdict's cause; empty: no attempt has failed yet */
};

struct models {
    struct table table;
    TAILQ_HEAD(model_list, model) list; /* as they became known */
};

struct models_options {
    struct relay *relay;
    struct loop *loop;
    struct dice *dice;
    int concurrency;
    bool keeps;                      /* there is an outbox */
    uint64_t last_id;                /* in it, at the start */
    void (*gate_changed)(void *ctx); /* see struct gate_options; ctx is the model */
};

/* 0 or an -errno. */
int models_init(struct models *models);
void models_done(struct models *models);

/* NULL: not known. */
struct model *models_find(const struct models *models, struct span name);

/* Makes one that is not known yet, without a route. 0 or -ENOMEM. */
int models_add(struct models *models, const struct models_options *options, struct span name,
               struct model **model);

/* Forgets the newest ones, up to that one. Nothing may have been begun with them. */
void models_forget_after(struct models *models, const struct model *last);

/* The route from now on, of which the model takes its own reference. */
void model_set_route(struct model *model, struct routes *routes, const struct route *route,
                     int concurrency);

/* How many of its attempts may be in flight. */
int model_room(const struct model *model);

/* The mutation failed: what /status tells. */
void model_note_error(struct model *model, const struct verdict *verdict, int64_t now_ms);
