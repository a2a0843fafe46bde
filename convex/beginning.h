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

/* The why of an ANSWER_TOO_LONG. */
#define BEGINNING_OPEN                                                                             \
    "the answer is longer than 1 MiB, and its beginning does not say what came of it"

/*
 * Whether *body, the beginning of an answer's, decides the outcome: then *body becomes a whole
 * envelope of the same meaning, else *body stays as it is. cut: the answer went on behind what is
 * kept, so a message may be cut off; else the connection broke, and only a whole message counts.
 */
bool beginning_decides(int status, bool cut, struct buf *body);
