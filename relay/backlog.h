/* SPDX-License-Identifier: MIT */
/* Pages: pending events of a model that are on disk only come into memory. */
#pragma once

#include <stdbool.h>

struct model;
struct relay;

/* Whether a new event of the model must go to disk without a place in memory. */
bool backlog_must_spill(const struct model *model);

/* Reads on, wherever there is something to read and room for it. */
void backlog_read_all(struct relay *relay);
