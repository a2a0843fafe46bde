/* SPDX-License-Identifier: MIT */
/* A record's lane as stores keep it. */
#pragma once

#include <stdint.h>

#include "base/span.h"

/* The lane of a record: a hash, the same in every process, version and store. Two records may share
 * one. */
int64_t lane_id(struct span model, struct span record);
