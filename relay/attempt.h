/* SPDX-License-Identifier: MIT */
/*
 * One call of Convex, for an event, or for several of a model that has a batch function: heads of
 * their lanes each. What follows for each event is relay/outcome.h's.
 */
#pragma once

struct attempt;
struct delivery;
struct relay;

/* Starts whatever may go. */
void attempt_start_all(struct relay *relay);

/* Ends the event's attempt, if there is one, unanswered, for the events beside it as well. */
void attempt_cancel(struct delivery *delivery);

/* Frees what is kept for later attempts. None may be under way. */
void attempt_done(struct relay *relay);
