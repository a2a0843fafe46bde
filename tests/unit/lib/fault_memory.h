/* SPDX-License-Identifier: MIT */
/* Memory under SQLite that runs out on demand. Not for several threads. */
#pragma once

#include <stdbool.h>

/* All that SQLite allocates comes from it from now on. Must come before SQLite's first use. */
void fault_memory_install(void);
void fault_memory_remove(void);

/* The nth allocation from now on fails (1: the next one; 0: none does), and so do those behind it
 * where it is for good. */
void fault_memory_plan(long nth, bool for_good);

/* Whether it has come to that. */
bool fault_memory_struck(void);
