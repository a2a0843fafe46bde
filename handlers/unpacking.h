/* SPDX-License-Identifier: MIT */
/* Unpacking: makes the events of a parcel out of its body, a bounded piece at a time. */
#pragma once

#include <sys/queue.h>

#include "handlers/parcel_body.h"
#include "handlers/routes.h"

struct parcel;
struct parcels;
struct request;

struct unpacking {
    struct request *request;
    struct parcel *parcel; /* NULL: not begun */
    struct buf body;
    struct parcel_body *found; /* where what lies in the body */
    struct routes *routes;     /* keeps route alive; NULL: not begun */
    const struct route *route; /* NULL: the model has none */
    size_t place;              /* the record that is next or at hand */
    size_t fed;                /* how many of its bytes the envelope has seen; 0: next */
    struct envelope envelope;  /* of the record at hand */
    size_t made_bytes;         /* of the bodies of the events so far */
    TAILQ_ENTRY(unpacking) link;
};

/* Takes the bytes of *body, and found, whose body it is; *body is empty afterwards. NULL: out of
 * memory, and nothing happened. */
struct unpacking *unpacking_new(struct request *request, struct buf *body,
                                struct parcel_body *found);
/* Takes NULL, and returns NULL. The parcel stays the caller's. */
struct unpacking *unpacking_free(struct unpacking *unpacking);

/* Makes the parcel, which belongs to the caller, and takes a reference to routes. 0 or -ENOMEM. */
int unpacking_begin(struct unpacking *unpacking, struct parcels *parcels, struct routes *routes);

/* The parcel's operation, as JSON; SPAN_NULL: missing. */
struct span unpacking_operation(const struct unpacking *unpacking);

enum { UNPACKING_GOES_ON = 1 };

/* Makes further events, once it has begun. *budget: how many bytes may be read; what was read is
 * taken off, and may be a little more. 0: all events are made; UNPACKING_GOES_ON; or -ENOMEM. */
int unpacking_step(struct unpacking *unpacking, size_t *budget);

/* The bytes that the bodies of the parcel and of its events take. */
size_t unpacking_bytes(const struct unpacking *unpacking);
