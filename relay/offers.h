/* SPDX-License-Identifier: MIT */
/* Offers: dead letters that somebody wants sent again. */
#pragma once

#include "base/span.h"

struct relay;

/* The routes have changed, or there may be offers: whose are there is looked up. relay is a struct
 * relay. */
void offers_find(void *relay);

/* Takes some, wherever the moment is idle. */
void offers_take_all(struct relay *relay);

/* What failed before may be tried again. */
void offers_retry(struct relay *relay);
