/* SPDX-License-Identifier: MIT */
/* POST /convex/sync: from a whole body to an event in the relay's hands. */
#pragma once

#include "base/event.h"

struct request;
struct service;

/* The reason of a dead letter whose model has no route. */
extern const char sync_no_route_text[];

void sync_handle(struct service *service, struct request *request);

/*
 * Reads a body that was stored, as sync_handle() read it when it arrived. 0: *event owns the bytes,
 * *body is empty, arrived_ms is left to the caller. Otherwise an outcome of envelope_end().
 */
int sync_read_event(struct buf *body, struct event *event, struct buf *why);
