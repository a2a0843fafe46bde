/* SPDX-License-Identifier: MIT */
/*
 * The body of a mutation's call: {"path":…,"format":…,"args":[ … ]}.
 *
 * args stands in an array always: a bare array would be positional arguments (convex-backend
 * crates/udf/src/helpers.rs). Never try another format: Convex refuses an unknown one only after
 * the mutation has run (crates/local_backend/src/public_api.rs).
 */
#pragma once

#include "base/buf.h"

#define MUTATION_AFTER_ARGS SPAN("]}")

/* Appends what stands before the args. path is a valid function path. 0 or -ENOMEM. */
static inline int mutation_before_args(const char *path, struct buf *out)
{
    return buf_printf(out, "{\"path\":\"%s\",\"format\":\"convex_encoded_json\",\"args\":[", path);
}
