/* SPDX-License-Identifier: MIT */
/* What JSON.parse says about text that is not JSON, in the words of Node 20's V8. */
#pragma once

#include "base/buf.h"
#include "base/span.h"

enum { PARSE_MESSAGE_NONE = 1 };

/*
 * Appends the message for clean UTF-8 (which may be empty). 0; PARSE_MESSAGE_NONE when the text is
 * JSON after all, or nests too deep to tell; or -ENOMEM.
 */
int parse_message(struct span text, struct buf *message);
