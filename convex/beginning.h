/* SPDX-License-Identifier: MIT */
/*
 * What the beginning of an answer says, where the rest of it was thrown away or never came.
 *
 * Convex writes "status" first (a tag of serde's, in crates/local_backend/src/public_api.rs), and
 * only once the mutation has ended: success means that its changes are on disk
 * (crates/database/src/committer.rs), and error that none of them ever will be. So what stands
 * behind that cannot change it, however long it is and whether it arrives or not: 16 MiB of value,
 * 8 MiB of log lines.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

/* Why an answer is ANSWER_TOO_LONG. */
#define BEGINNING_OPEN                                                                             \
    "the answer is longer than 1 MiB, and its beginning does not say what came of it"

/*
 * Whether the beginning of a body decides; then *body becomes a whole one that says the same, and
 * else stays as it is. cut: it is as much as is kept of an answer, so that a message, too, is good
 * as far as it goes; else the connection broke, and a message must be whole.
 */
bool beginning_decides(int status, bool cut, struct buf *body);
