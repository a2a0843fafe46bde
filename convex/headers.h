/* SPDX-License-Identifier: MIT */
/* Single header lines: those to Convex are written, those of an answer read. */
#pragma once

#include <stdint.h>

#include "base/buf.h"

/*
 * Writes the Authorization header for a deploy key into *line, without a line end; deploy_key NULL:
 * *line becomes empty. 0; -EINVAL: the key holds what no header may; or -ENOMEM; *line is untouched
 * on failure.
 */
int headers_authorization(const char *deploy_key, struct buf *line);

/* The wait of a Retry-After, seconds or a date (RFC 9110, 10.2.3), at most 5 min; -1: neither. */
int64_t headers_retry_after_ms(struct span value);

/* One line for the log on what a Content-Encoding says; NULL: the body is not encoded. */
const char *headers_compressed(struct span value);
