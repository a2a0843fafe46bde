/* SPDX-License-Identifier: MIT */
/*
 * The body of a mutation's call: {"path":…,"format":…,"args":[ … ]}.
 *
 * args stands in an array always: a bare array would be positional arguments (convex-backend
 * crates/udf/src/helpers.rs). Never try another format: Convex refuses an unknown one only after
 * the mutation has run (crates/local_backend/src/public_api.rs).
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"

#define MUTATION_AFTER_ARGS SPAN("]}")
#define MUTATION_AFTER_ITEMS SPAN("]}]}")

/* Appends what stands before the args. path is a valid function path. 0 or -ENOMEM. */
static inline int mutation_before_args(const char *path, struct buf *out)
{
    return buf_printf(out, "{\"path\":\"%s\",\"format\":\"convex_encoded_json\",\"args\":[", path);
}

/*
 * The same before items, args' one member: [{"<argument>":[<item>,…]}]. argument is JSON with its
 * quotes. 0 or -ENOMEM.
 */
static inline int mutation_before_items(const char *path, const char *argument, struct buf *out)
{
    int r = mutation_before_args(path, out);

    return r ? r : buf_printf(out, "{%s:[", argument);
}

/*
 * Args with a member more, whose value is a number: *args becomes what stands before that member,
 * and the rest of the object is appended to out. field is JSON with its quotes. Where args have a
 * member of that name, the added one counts: Convex keeps args as text (crates/udf/src/helpers.rs,
 * UdfArgsJson), which serde_json parses for validators (crates/udf/src/validation.rs) and
 * JSON.parse for the function (npm-packages/convex/src/server/impl/registration_impl.ts); both take
 * the last of a repeated member. 0 or -ENOMEM.
 */
int mutation_add_number(struct span *args, const char *field, uint64_t number, struct buf *out);
