/* SPDX-License-Identifier: MIT */
/* A relay in the middle of things, for the tests of the pages that show it. */
#pragma once

#include "tests/unit/lib/rows.h"

#include "handlers/service.h"
#include "handlers/snapshot.h"

enum { SAMPLE_NOW_MS = 100000, SAMPLE_MONO_MS = 960000 };

extern struct clock sample_clock;
struct snapshot sample_snapshot(void);
