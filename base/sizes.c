/* SPDX-License-Identifier: MIT */
/* The bounds of sizes: from the smallest batch to the largest that a route may ask for. */
#include "base/sizes.h"

const struct sizes_bound sizes_bounds[SIZES_BUCKETS] = {
    {2, "2"},   {5, "5"},     {10, "10"},   {20, "20"},
    {50, "50"}, {100, "100"}, {200, "200"}, {500, "500"},
};
