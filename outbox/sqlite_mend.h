/* SPDX-License-Identifier: MIT */
/* Replacing a damaged file by what can be read of it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Whether an earlier mending was cut short, or a log (WAL) has lost its file. */
bool sqlite_mend_unfinished(const char *path);

/* Sets the file, which is damaged, aside. 0 or an -errno. */
int sqlite_mend_set_aside(const char *path);

/* Sets the log (WAL) beside a file that has none aside. 0 or an -errno. */
int sqlite_mend_set_log_aside(const char *path);

/* Saves what can be read of what was set aside into a new file at path; *rows_spoilt grows by how
 * many rows could not be. 0, also where a full disk has no room for them, and may_go_without;
 * STORE_FULL, STORE_BROKEN or an -errno, and it is back in its place. */
int sqlite_mend_finish(const char *path, bool may_go_without, uint64_t *rows_spoilt);
