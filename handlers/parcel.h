/* SPDX-License-Identifier: MIT */
/*
 * A parcel: the events that one request to /convex/sync/batch brings, and the one answer to all of
 * them. Each event has a place, from 0. The answer leaves once every place has a result.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/event.h"
#include "handlers/reply.h"

struct request;

/* What all parcels that have no answer yet hold. */
struct parcels {
    size_t events;     /* how many results are to come, or wait for others */
    size_t text_bytes; /* of the errors among these results */
};

struct parcel_item {
    struct event event;
    /* Why the event cannot be delivered, and goes straight to letters; SPAN_NULL: it can. */
    struct span refusal;
    struct buf refusal_text; /* what refusal points into, where that is no fixed text */
};

struct parcel_result {
    enum reply reply;
    size_t error, error_len; /* in parcel.errors */
};

struct parcel {
    struct parcels *all;
    struct request *request; /* must stay until the answer */
    struct parcel_item *items;
    size_t len;
    bool unrouted;          /* the model has no route: every result says so */
    struct buf model;       /* the beginning of that model's name */
    struct buf unavailable; /* why the first of those events that were not taken was not */
    size_t open;            /* results to come, and one for parcel_release() */
    size_t taken;           /* results of events that were taken */
    size_t queued, failed;  /* results of that kind */
    struct parcel_result *results;
    struct buf errors;
};

/* A parcel of len events, all empty. The parcel is freed once its answer has left. NULL: out of
 * memory. */
struct parcel *parcel_new(struct parcels *all, struct request *request, size_t len);

/* The event of that place has the outcome that a request of its own would have had. Once for each
 * place. */
void parcel_reply(struct parcel *parcel, size_t place, enum reply reply, struct span message);

/* No event was taken: each gets REPLY_UNAVAILABLE. Only before parcel_release(), where no place has
 * a result yet. */
void parcel_refuse(struct parcel *parcel, struct span why);

/* Whoever made the parcel has handed its events over: from now on the answer may leave, maybe at
 * once. */
void parcel_release(struct parcel *parcel);
