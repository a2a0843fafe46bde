/* SPDX-License-Identifier: MIT */
/* The way in: events that arrive get their ids and places, alone or by parcels. */
#pragma once

#include <stdbool.h>

#include "base/span.h"
#include "handlers/reply.h"

struct event;
struct parcel;
struct relay;
struct request;
struct route;
struct routes;

/* The functions of struct inbox, for the relay. */
void intake_accept(struct relay *relay, struct event *event, struct routes *routes,
                   const struct route *route, struct request *request);
void intake_bury(struct relay *relay, struct event *event, struct span reason, enum reply reply,
                 struct request *request);
void intake_accept_all(struct relay *relay, struct parcel *parcel, struct routes *routes,
                       const struct route *route, bool made);

/* Frees what groups have left that the outbox has not reported. */
void intake_done(struct relay *relay);
