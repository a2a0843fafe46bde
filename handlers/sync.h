/* SPDX-License-Identifier: MIT */
/* POST /convex/sync: makes an event of a whole body, and hands it to the inbox. */
#pragma once

struct request;
struct service;

/* The reason of a dead letter whose model has no route. */
extern const char sync_no_route_text[];

void sync_handle(struct service *service, struct request *request);
