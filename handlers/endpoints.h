/* SPDX-License-Identifier: MIT */
/* The endpoints: which path and method lead to which handler, and who may pass. */
#pragma once

#include "base/span.h"
#include "base/util.h"
#include "handlers/guard.h"
#include "handlers/reply.h"
#include "handlers/request.h"

struct service;

struct endpoint {
    const char *path;
    const char *method;
    enum guard guard;
    enum reply wrong_method; /* the answer to any other method */
    enum request_reads reads;
    bool observed; /* requests are counted, timed and logged */
    void (*handle)(struct service *service, struct request *request);
};

/* All the endpoints of one listener. */
struct endpoints {
    const struct endpoint *at;
    size_t len;
    bool observed; /* requests that find no endpoint are counted, timed and logged, too */
};

extern const struct endpoints endpoints_sender; /* where events come in */
extern const struct endpoints endpoints_admin;  /* for the people who run the relay */

enum { ENDPOINTS_NO_PATH = 1, ENDPOINTS_NO_METHOD };

/*
 * The endpoint that a request target leads to, whose path must match byte for byte: what is encoded
 * or holds a dot segment is another path. 0 and *endpoint; ENDPOINTS_NO_METHOD and *endpoint is the
 * path's, for its wrong_method; or ENDPOINTS_NO_PATH.
 */
int endpoints_find(const struct endpoints *endpoints, struct span target, const char *method,
                   const struct endpoint **endpoint);
