/* SPDX-License-Identifier: MIT */
/*
 * The name of a Convex function, as in users:syncFromBlade or blade/users.js:sync.
 * Source: convex-backend, crates/convex/sync_types/src/{module_path,path,identifier}.rs.
 */
#pragma once

#include <stdbool.h>

#include "base/span.h"

/*
 * Whether Convex can have a function of that name. Two spellings that Convex takes are refused, as
 * more likely slips: no function at all (Convex: "default"), and doubled slashes.
 */
bool function_path_valid(struct span path);
