/* SPDX-License-Identifier: MIT */
/* Single header lines: written for requests to Convex, read from answers. */
#pragma once

#include <stdint.h>

#include "base/buf.h"

/*
 * Writes the Authorization header for a deploy key into *line, without a line end; deploy_key NULL:
 * *line becomes empty. 0; -EINVAL: the key holds what no header may; or -ENOMEM; *line is untouched
 * on failure.
 */
int headers_authorization(const char *deploy_key, struct buf *line);

/* The wait that a Retry-After asks for, in seconds or as a date (RFC 9110, 10.2.3), and at most
 * 5 min; -1: the value is neither. */
int64_t headers_retry_after_ms(struct span value);

/* The time of a Date in ms since 1970, a whole second; -1: that is no date. */
int64_t headers_date_ms(struct span value);

/* A line for the log that names the coding of a Content-Encoding; NULL: the body is not encoded. */
const char *headers_compressed(struct span value);
