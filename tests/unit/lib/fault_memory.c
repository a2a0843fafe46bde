/* SPDX-License-Identifier: MIT */
/* Memory under SQLite that runs out on demand. */
#include "tests/unit/lib/fault_memory.h"

#include <sqlite3.h>
#include <stdlib.h>

static struct {
    sqlite3_mem_methods real;
    long nth, count;
    bool for_good, struck;
} fault;

void fault_memory_plan(long nth, bool for_good)
{
    fault.nth = nth;
    fault.for_good = for_good;
    fault.count = 0;
    fault.struck = false;
}

bool fault_memory_struck(void)
{
    return fault.struck;
}

static bool fault_memory_fails(void)
{
    fault.count++;
    if (fault.nth == 0 || fault.count < fault.nth || (fault.count > fault.nth && !fault.for_good))
        return false;
    return fault.struck = true;
}

static void *fault_memory_alloc(int bytes)
{
    return fault_memory_fails() ? NULL : fault.real.xMalloc(bytes);
}

static void *fault_memory_realloc(void *at, int bytes)
{
    return fault_memory_fails() ? NULL : fault.real.xRealloc(at, bytes);
}

/* Without this, each connection takes small allocations from a pool, which never fails. */
static void fault_memory_configure(const sqlite3_mem_methods *methods, int pool_bytes, int pool_len)
{
    if (sqlite3_shutdown() != SQLITE_OK ||
        sqlite3_config(SQLITE_CONFIG_MALLOC, methods) != SQLITE_OK ||
        sqlite3_config(SQLITE_CONFIG_LOOKASIDE, pool_bytes, pool_len) != SQLITE_OK)
        abort();
}

void fault_memory_install(void)
{
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &fault.real) != SQLITE_OK)
        abort();
    sqlite3_mem_methods methods = fault.real;
    methods.xMalloc = fault_memory_alloc;
    methods.xRealloc = fault_memory_realloc;
    fault_memory_plan(0, false);
    fault_memory_configure(&methods, 0, 0);
}

void fault_memory_remove(void)
{
    fault_memory_configure(&fault.real, 1200, 100);
}
