/* SPDX-License-Identifier: MIT */
/*
 * What joins a sender's log, ours and Convex's: the sender's own X-Request-Id, or one made here. It
 * is answered in the same header and goes to Convex as Convex-Request-Id.
 */
#pragma once

#include <stdint.h>

#include "base/dice.h"
#include "base/span.h"

#define REQUEST_ID_HEADER "X-Request-Id"

enum { REQUEST_ID_MAX = 64 };

/* Where made ones come from: the same for a process's life, then a number. */
struct request_ids {
    char prefix[8 + 1];
    uint64_t made;
};

void request_ids_init(struct request_ids *ids, struct dice *dice);

/*
 * given.at == NULL, or one that is too long or could mean something to a log, a terminal or a
 * header: it is made.
 */
void request_id_take(struct request_ids *ids, struct span given, char id[REQUEST_ID_MAX + 1]);
