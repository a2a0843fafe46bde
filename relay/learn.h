/* SPDX-License-Identifier: MIT */
/* What the answer to one event says of others: gates and limits. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct delivery;
struct relay;
struct verdict;

struct learn_attempt {
    uint64_t number; /* by limit_begin() */
    int64_t began_ms;
};

/* An attempt with the event ended so. True: a gate has opened, and who rests before it may go on.
 */
bool learn_from(struct delivery *delivery, const struct learn_attempt *attempt,
                const struct verdict *verdict);

/* Makes the limits of lanes what gates, limits and the relay's phase say. */
void learn_apply_all(struct relay *relay);

/* For gates: probing has begun. ctx is the relay, or the model. */
void learn_gate_changed(void *relay);
void learn_model_gate_changed(void *model);

/* Who is ready and has not been tried yet may not have to wait for the next probe. */
void learn_knock(struct relay *relay);
