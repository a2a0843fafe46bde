/* SPDX-License-Identifier: MIT */
/* Mending: replacing a damaged file by what can be read of it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Whether an earlier mending was cut short, or a WAL stands there without its file. */
bool sqlite_mend_unfinished(const char *path);

/* Sets the damaged file aside, with those beside it. 0 or an -errno. */
int sqlite_mend_set_aside(const char *path);

/* Sets aside a WAL that stands beside the file and is another file's. 0 or an -errno. */
int sqlite_mend_set_wal_aside(const char *path);

/* Makes a new file at path with the rows that can be read of what was set aside; *rows_spoilt grows
 * by the number of the others. may_go_without: where a full disk has no room for such a file, go on
 * with an empty one. 0; or STORE_FULL, STORE_BROKEN or an -errno, and what was set aside is back in
 * its place. */
int sqlite_mend_finish(const char *path, bool may_go_without, uint64_t *rows_spoilt);
