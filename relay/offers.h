/* SPDX-License-Identifier: MIT */
/* Offers: dead letters that somebody wants sent again, and that are to be taken. */
#pragma once

#include "base/span.h"

struct relay;

/* Begins a walk that finds which models have offers. To be called when the routes have changed, or
 * another process may have made offers. relay is a struct relay. */
void offers_find(void *relay);

/* Takes offers of each model that is idle. For the pump. */
void offers_take_all(struct relay *relay);

/* Once a second: models and walks that failed are tried again. */
void offers_retry(struct relay *relay);
