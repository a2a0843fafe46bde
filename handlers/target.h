/* SPDX-License-Identifier: MIT */
/*
 * The path that a request target means, by the rules of the router's URL parser, so that the same
 * targets match. Source: https://url.spec.whatwg.org (path state), hono 4.13 src/utils/url.ts
 * getPath (decodeURI, which leaves %2F and its kind alone).
 */
#pragma once

#include "base/buf.h"

/*
 * Appends the path: absolute form, query and fragment dropped, dot segments resolved,
 * percent-encoding undone but for reserved characters. 0 or -ENOMEM.
 */
int target_path(struct span target, struct buf *path);
