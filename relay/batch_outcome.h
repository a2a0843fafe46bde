/* SPDX-License-Identifier: MIT */
/* What follows from the answer to a call with several events, for each of these and for the model's
 * next batches. */
#pragma once

#include "relay/delivery.h"

struct answer;
struct learn_attempt;
struct model;

/*
 * deliveries: the events in the order of the call's items, linked by delivery.beside, and n of
 * them. Each is settled, rests, or may go again at once; the list is empty afterwards.
 */
void batch_outcome(struct model *model, struct delivery_list *deliveries, int n,
                   const struct learn_attempt *learn, const struct answer *answer);
