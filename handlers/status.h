/* SPDX-License-Identifier: MIT */
/* GET /status: the state of the relay, as JSON for people and scripts; no secret, no record. */
#pragma once

#include "base/buf.h"

struct request;
struct service;
struct snapshot;

void status_handle(struct service *service, struct request *request);

/* Appends the page. 0 or -ENOMEM. */
int status_print(const struct service *service, const struct snapshot *snapshot, struct buf *out);
