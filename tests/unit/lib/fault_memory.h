/* SPDX-License-Identifier: MIT */
/* Memory under SQLite that runs out on demand. Not for several threads. */
#pragma once

#include <stdbool.h>

/* All that SQLite allocates comes from this memory from now on. Must come before SQLite's first
 * use. */
void fault_memory_install(void);
void fault_memory_remove(void);

/* The nth allocation from now on fails (1: the next one; 0: none does). for_good: all later ones
 * fail, too. */
void fault_memory_plan(long nth, bool for_good);

/* Whether an allocation has failed since the plan. */
bool fault_memory_struck(void);
