/* SPDX-License-Identifier: MIT */
/*
 * What the beginning of an answer says, where the rest was thrown away or never came.
 *
 * Convex writes "status" first (a tag of serde's, in crates/local_backend/src/public_api.rs), and
 * only once the mutation has ended: success means that the mutation's changes are on disk
 * (crates/database/src/committer.rs), and error that none of them ever will be. The rest of the
 * answer (16 MiB of value, 8 MiB of log lines) cannot change that, whether the rest arrives or not.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

/* The why of an ANSWER_TOO_LONG: the answer is long, and its beginning decides nothing. */
#define BEGINNING_UNDECIDED                                                                        \
    "the answer is longer than 1 MiB, and its beginning does not say what came of it"

/*
 * Whether the beginning of an answer's body, *body, decides the outcome. True: *body is now a whole
 * envelope of the same meaning. False: *body is as it was. cut: the answer went on behind *body,
 * and a message that is cut off counts; otherwise the connection broke, and only a whole one
 * counts.
 */
bool beginning_decides(int status, bool cut, struct buf *body);
