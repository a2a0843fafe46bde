/* SPDX-License-Identifier: MIT */
/* The bounds of a histogram: from what a disk takes to what a call of Convex may take. */
#include "base/histogram.h"

const struct histogram_bound histogram_bounds[HISTOGRAM_BUCKETS] = {
    {2, "0.002"},  {5, "0.005"},    {10, "0.01"},    {25, "0.025"}, {50, "0.05"},
    {100, "0.1"},  {250, "0.25"},   {500, "0.5"},    {1000, "1.0"}, {2500, "2.5"},
    {5000, "5.0"}, {10000, "10.0"}, {30000, "30.0"},
};
