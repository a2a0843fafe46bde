/* SPDX-License-Identifier: MIT */
/*
 * What follows for an event from a verdict: done, dead, or to be tried again; and the rests before
 * another try. What a verdict says of other events is relay/learn.h's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "relay/delivery.h"

struct learn_attempt;
struct relay;
struct verdict;

/*
 * An attempt that began then has ended so for the event: it is counted, shown and logged. What
 * might have passed, and has not so many times as the verdict says, is rejected from now on.
 */
void outcome_note(struct delivery *delivery, int64_t began_ms, struct verdict *verdict);

/* What the event's attempt says of others moves gates and limits, and wakes whom a gate has let
 * through. */
void outcome_learn(struct delivery *delivery, const struct learn_attempt *attempt,
                   const struct verdict *verdict);

/* The event is settled, or rests until the next try; it may be gone when the call returns. */
void outcome_apply(struct delivery *delivery, const struct verdict *verdict);

/*
 * What stops an attempt before Convex is asked, such as a lack of memory, is as good as no answer
 * for its events; but nothing was learned of Convex. The list is empty afterwards.
 */
void outcome_unsent(struct delivery_list *deliveries, int64_t began_ms);

/* The event's attempt is void, and did not count: it may go again at once. */
void outcome_void(struct delivery *delivery);

/* An event that could be sent waits until then, without an attempt. */
void outcome_rest(struct delivery *delivery, int64_t until_ms);

/* Events that rest before a gate which has opened go on; only events that are themselves to blame
 * rest until the timer. */
void outcome_wake(struct relay *relay);

/* Whatever kept events from being sent may be mended: each gate lets one pass. */
void outcome_probe(struct relay *relay);
