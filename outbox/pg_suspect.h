/* SPDX-License-Identifier: MIT */
/* Ids of rows that may be damaged. Tending looks at them (pg_mend.h). */
#pragma once

#include "outbox/pg_core.h"

/* Nothing where the id is there already, or too many others are: what fails again is suspected
 * again. */
void pg_suspect_add(struct pg_core *self, uint64_t id);

/* The transaction at hand has failed: suspects the row that was to be buried, where that may be
 * why. The writer tries again with fewer changes, and at last with the one that fails. */
void pg_suspect_note_failed(struct pg_core *self);
