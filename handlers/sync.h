/* SPDX-License-Identifier: MIT */
/* POST /convex/sync: from a whole body to an event in the relay's hands. */
#pragma once

struct request;
struct service;

/* The reason of a dead letter whose model has no route. */
extern const char sync_no_route_text[];

void sync_handle(struct service *service, struct request *request);
