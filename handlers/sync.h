/* SPDX-License-Identifier: MIT */
/* POST /convex/sync: from a whole body to an event in the relay's hands. */
#pragma once

struct request;
struct service;

void sync_handle(struct service *service, struct request *request);
