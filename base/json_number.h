/* SPDX-License-Identifier: MIT */
/* The size of numbers. */
#pragma once

#include <stdbool.h>

#include "base/span.h"

/* Whether a double holds the number, which is written as JSON writes them. */
bool json_number_fits(struct span number);
