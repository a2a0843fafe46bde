/* SPDX-License-Identifier: MIT */
/*
 * Being told to stop, by Ctrl-C or whoever ends processes, amidst a long command: it ends in order,
 * and says how far it has come.
 */
#pragma once

#include <stdbool.h>

/* From here on signals are noted; one command at a time. */
void outbox_stop_begin(void);

/* Whether one has come. */
bool outbox_stop_wanted(void);

/* From here on they are what they were. */
void outbox_stop_end(void);
