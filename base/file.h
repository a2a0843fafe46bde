/* SPDX-License-Identifier: MIT */
/* Small files that people write, read whole. */
#pragma once

#include <stddef.h>

#include "base/buf.h"

enum { FILE_INVALID = 1 };

enum { FILE_PIPE_MS = 5000 };

/* From now on what is no file, such as a pipe, must end within FILE_PIPE_MS: nothing may block. */
void file_limit_waits(void);

/*
 * Reads a file of at most max_bytes. FILE_INVALID: it could not be read or is larger, and *why has
 * grown by its name and the reason. Or an -errno. *content is untouched on failure, and must be
 * empty before.
 *
 * A pipe, such as a shell makes for <(command), is read to its end, whenever that comes: see above.
 */
int file_read(const char *path, size_t max_bytes, struct buf *content, struct buf *why);
