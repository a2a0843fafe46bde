/* SPDX-License-Identifier: MIT */
#include "convex/mutation.h"

#include <inttypes.h>

int mutation_add_number(struct span *args, const char *field, uint64_t number, struct buf *out)
{
    struct span before = {args->at, args->len - 1};
    bool empty = span_trim(before).len == 1; /* nothing but the brace */
    int r = buf_printf(out, "%s%s:%" PRIu64 "}", empty ? "" : ",", field, number);

    if (r == 0)
        *args = before;
    return r;
}
