/* SPDX-License-Identifier: MIT */
/* Signals that end a long command in order, such as Ctrl-C: the command stops between two steps and
 * says how far it has come. */
#pragma once

#include <stdbool.h>

/* From this call on signals are noted instead of ending the process. For one command at a time. */
void outbox_stop_begin(void);

/* Whether such a signal has come. */
bool outbox_stop_wanted(void);

/* From this call on signals do what they did before outbox_stop_begin(). */
void outbox_stop_end(void);
