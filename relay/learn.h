/* SPDX-License-Identifier: MIT */
/* Learning: what the answer to one event says about others, which moves gates and limits. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct blame;
struct delivery;
struct relay;
struct verdict;

struct learn_attempt {
    uint64_t number;  /* of limit_begin() */
    int64_t began_ms; /* mono */
};

/* An attempt for the event ended with that verdict. True: a gate has opened, and the caller may
 * wake the events that rest before the gate. */
bool learn_from(struct delivery *delivery, const struct learn_attempt *attempt,
                const struct verdict *verdict);

/* Convex has judged a call, which says nothing of the model's functions. True: the upstream gate
 * has opened, and events that rest before it may go on. */
bool learn_upstream_passed(struct relay *relay);

/* A call that was for no event, and began then (mono), has not reached Convex. */
void learn_unreachable(struct relay *relay, struct blame *blame, int64_t began_ms,
                       const struct verdict *verdict);

/* Gives the lanes the limits that follow from gates, limits and the relay's phase. */
void learn_apply_all(struct relay *relay);

/* gate_options.changed of the upstream gate and of a model's gate. */
void learn_gate_changed(void *relay);
void learn_model_gate_changed(void *model);

/* Knocks at the upstream gate if an event is ready to go through. For the pump. */
void learn_knock(struct relay *relay);
