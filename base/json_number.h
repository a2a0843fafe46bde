/* SPDX-License-Identifier: MIT */
/* The size of numbers in JSON. */
#pragma once

#include <stdbool.h>

#include "base/span.h"

/* Whether a double can hold the number, which is as JSON writes it. */
bool json_number_fits(struct span number);
