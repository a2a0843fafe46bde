/* SPDX-License-Identifier: MIT */
/*
 * The request id, by which the logs of the sender, the relay and Convex name the same request. It
 * is the sender's own X-Request-Id, or is made here. The answer has the id in the same header, and
 * Convex gets the id as Convex-Request-Id.
 */
#pragma once

#include <stdint.h>

#include "base/dice.h"
#include "base/span.h"

#define REQUEST_ID_HEADER "X-Request-Id"

enum { REQUEST_ID_MAX = 64 };

/* Where ids made here come from: a prefix for the life of the process, then a number. */
struct request_ids {
    char prefix[8 + 1];
    uint64_t made;
};

void request_ids_init(struct request_ids *ids, struct dice *dice);

/*
 * Takes the given id, or makes one where none was given (SPAN_NULL), or the given one is too long
 * or could mean something to a log, a terminal or a header.
 */
void request_id_take(struct request_ids *ids, struct span given, char id[REQUEST_ID_MAX + 1]);
