/* SPDX-License-Identifier: MIT */
/* Header lines whose writing and reading the transports share. */
#pragma once

#include <stdint.h>

#include "base/buf.h"

/*
 * Writes the Authorization header for a deploy key, without a line end (NULL: an empty line, no
 * header). 0, -EINVAL where the key holds what no header may, or -ENOMEM; *line is untouched on
 * failure.
 */
int headers_authorization(const char *deploy_key, struct buf *line);

/* Retry-After's seconds or date (RFC 9110, 10.2.3), at most five minutes; -1 when it is neither. */
int64_t headers_retry_after_ms(struct span value);

/* What Content-Encoding says, for the log: one line, without its text; NULL where the body is as it
 * is. */
const char *headers_compressed(struct span value);
