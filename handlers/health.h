/* SPDX-License-Identifier: MIT */
/* GET /healthz and GET /readyz, for load balancers: open to all, so no answer says more. */
#pragma once

struct request;
struct service;

/* 200 while the process serves. */
void health_handle_alive(struct service *service, struct request *request);

/* 200, or 503 with a reason, by whether new events can be taken. */
void health_handle_ready(struct service *service, struct request *request);
