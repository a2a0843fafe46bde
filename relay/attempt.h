/* SPDX-License-Identifier: MIT */
/* Attempts: calls of Convex for an event, and what follows from the answer for that event. */
#pragma once

struct attempt;
struct delivery;
struct relay;

/* Starts an attempt for each event that lanes_start() gives. For the pump. */
void attempt_start_all(struct relay *relay);

/* After a reload: every closed gate probes, and events that rest before no gate go on. */
void attempt_probe(struct relay *relay);

/* Ends the event's attempt, if one is in flight, without waiting for an answer. */
void attempt_cancel(struct delivery *delivery);

/* Frees what is kept for later attempts. None may be in flight. */
void attempt_done(struct relay *relay);
