/* SPDX-License-Identifier: MIT */
/*
 * What a mutation can take, by ConvexHttpClient's rules and in its words: what the client would
 * have refused is refused here with the same message.
 *
 * Source: npm convex 1.48 src/common/index.ts parseArgs, src/values/value.ts convexToJson.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

enum {
    ARGS_REFUSED = 1,
    ARGS_MESSAGE_MAX = 65536, /* a longer message is cut, as Convex cuts its own */
};

struct event;
struct route;

/*
 * Sets event->args to what the route's mutation gets: data, data without its nulls, or
 * {"bladeId": <hiveId>} for a removal by the route's remove. 0; ARGS_REFUSED and *message (WTF-8)
 * is what ConvexHttpClient would have thrown; or -ENOMEM.
 */
int args_make(const struct route *route, struct event *event, struct buf *message);

/*
 * data has passed the scanner; SPAN_NULL counts as {}. bad_key is the first key in data, at any
 * depth, of which args_key_is_bad() is true; SPAN_NULL: there is none. 0; ARGS_REFUSED and *message
 * (WTF-8) is what ConvexHttpClient would have thrown; or -ENOMEM.
 */
int args_check(struct span data, struct span bad_key, struct buf *message);

/*
 * Whether a key, as written, is one that no mutation takes. To be asked while a value arrives: a
 * look at all keys of megabytes at once would stall the loop.
 */
bool args_key_is_bad(struct span key);

/* Appends the object data without its members that are null. 0 or -ENOMEM. */
int args_drop_nulls(struct span data, struct buf *out);
