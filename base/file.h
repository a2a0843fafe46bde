/* SPDX-License-Identifier: MIT */
/* Small files that people write, read as a whole. */
#pragma once

#include <stddef.h>

#include "base/buf.h"

enum { FILE_INVALID = 1 };

enum { FILE_PIPE_MS = 5000 }; /* see file_limit_waits() */

/* Limits file_read() for a relay that serves, since its loop may not be blocked: from this call on
 * a pipe, or whatever else is no file, must end within FILE_PIPE_MS. Without this call file_read()
 * waits for any time. */
void file_limit_waits(void);

/*
 * Reads a file of at most max_bytes. *content must be empty, and is untouched on failure.
 * FILE_INVALID: the file could not be read or is larger, and *why has grown by its name and the
 * reason. Or an -errno.
 *
 * A pipe, such as a shell makes for <(command), is read to its end.
 */
int file_read(const char *path, size_t max_bytes, struct buf *content, struct buf *why);
