/* SPDX-License-Identifier: MIT */
/*
 * Holds routes with sequence while the clock that ids come from is not Convex's. Answers to all
 * attempts tell; where none has come, or the clock has leapt, a call of the relay's own asks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct answer;
struct relay;

void clock_hold_init(struct relay *relay);
void clock_hold_done(struct relay *relay);

/* An attempt that began then (mono) has been answered. */
void clock_hold_answered(struct relay *relay, const struct answer *answer, int64_t began_ms);

/* Looks at the clock, and asks Convex where nobody knows whether it is right. For the pump, and
 * once a second. */
void clock_hold_look(struct relay *relay);

/* Whatever was wrong with the clock may be mended: asks at once. */
void clock_hold_probe(struct relay *relay);
