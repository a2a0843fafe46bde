/* SPDX-License-Identifier: MIT */
/*
 * GET /metrics: the Prometheus text format, version 0.0.4.
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/
 */
#pragma once

#include "base/buf.h"

struct request;
struct service;
struct snapshot;

void metrics_handle(struct service *service, struct request *request);

/* Appends the page. 0 or -ENOMEM. */
int metrics_print(const struct service *service, const struct snapshot *snapshot, struct buf *out);
