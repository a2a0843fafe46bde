/* SPDX-License-Identifier: MIT */
/* One call of Convex for an event, and what follows from its answer for that event. */
#pragma once

struct attempt;
struct delivery;
struct relay;

/* Starts whatever may go. */
void attempt_start_all(struct relay *relay);

/* Whoever was held may be tried now. */
void attempt_probe(struct relay *relay);

/* Ends the event's attempt, if there is one, unanswered. */
void attempt_cancel(struct delivery *delivery);

/* Frees what is kept for later attempts. None may be under way. */
void attempt_done(struct relay *relay);
